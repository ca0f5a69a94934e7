//! `eventloom export`: the flow in another format.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::session::{ExportFormat, Session};

use super::Outcome;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The flow.
    #[arg(value_name = "FLOW")]
    flow: PathBuf,

    /// The format to write.
    #[arg(long, value_name = "FORMAT")]
    to: Format,

    /// Where to write it; without this, to stdout.
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
}

/// What a flow can be written as.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A flow file in its canonical form.
    Ron,
    /// A flowchart that Markdown pages can show.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
}

impl Export {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<Outcome> {
        let session = Session::from_file(&self.flow)?;
        let text = session.export(match self.to {
            Format::Ron => ExportFormat::Ron,
            Format::Mermaid => ExportFormat::Mermaid,
            Format::Dot => ExportFormat::Dot,
        });
        match self.out {
            Some(path) => {
                std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
            }
            None => output.write_all(text.as_bytes())?,
        }
        Ok(Outcome::Fine)
    }
}
