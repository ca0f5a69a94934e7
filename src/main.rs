//! The program: arguments to the command line or the window, the result to the exit code.

use std::path::PathBuf;
use std::process::ExitCode;

/// The window and the kernel make many small things; the system's allocator takes twice as long for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    eventloom::cli::main(open_designer)
}

#[cfg(feature = "gui")]
fn open_designer(flow: Option<PathBuf>) -> anyhow::Result<()> {
    Ok(eventloom::gui::run(flow)?)
}

#[cfg(not(feature = "gui"))]
fn open_designer(flow: Option<PathBuf>) -> anyhow::Result<()> {
    let flow = flow.map_or_else(|| "FLOW".to_owned(), |path| path.display().to_string());
    anyhow::bail!("this build has no designer window; run the flow headless with `eventloom simulate {flow}`")
}
