//! `eventloom presets`: which settings of known products can be taken over, and where each figure is documented.

use std::io::Write as _;

use clap::Args;

use crate::model::{Figure, Function, Preset, Subscription, Topic};

use super::Outcome;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Presets {}

impl Presets {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<Outcome> {
        list(output, "topic", Preset::<Topic>::TOPICS)?;
        list(output, "subscription", Preset::<Subscription>::SUBSCRIPTIONS)?;
        list(output, "function", Preset::<Function>::FUNCTIONS)?;
        Ok(Outcome::Fine)
    }
}

fn list<T>(output: &mut Output, of: &str, presets: &[Preset<T>]) -> anyhow::Result<()> {
    for preset in presets {
        writeln!(output, "{} ({of}): {}", preset.label, preset.tip)?;
        for Figure { setting, value, theirs, source } in preset.figures {
            writeln!(output, "  {setting:<20} {value:<12} {theirs}  [{source}]")?;
        }
        writeln!(output)?;
    }
    Ok(())
}
