//! What is said about arguments that cannot be: one line, like every other error.

use std::error::Error as _;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::output;

/// Help and version are answers; all else is a mistake in the arguments, which is told in a line.
pub(super) fn answer<A: clap::CommandFactory>(error: &clap::Error) -> ExitCode {
    // A name of a file need not be text.
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(line) = in_a_line::<A>(error, &words) {
        output::complain(&format!("error: {line}"));
        return ExitCode::from(2);
    }
    let asked_for = !error.use_stderr();
    match error.print() {
        Ok(()) if asked_for => ExitCode::SUCCESS,
        Err(closed) if closed.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(()) | Err(_) => ExitCode::from(2),
    }
}

/// What is wrong, and where it is told what is allowed; nothing where the parser's own words are an answer.
fn in_a_line<A: clap::CommandFactory>(error: &clap::Error, words: &[String]) -> Option<String> {
    let context = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        _ => None,
    };
    let first = words.first().map_or("", String::as_str);
    let command = A::command().find_subcommand(first).map(|command| format!("{} ", command.get_name()));
    let is_command = command.is_some();
    let help = format!("`eventloom {}--help`", command.unwrap_or_default());
    // As it is typed: `--seeds <N>` is `--seeds`, `<FLOW>` is `FLOW`.
    let argument = context(ContextKind::InvalidArg).map(|usage| match usage.split_once(' ') {
        Some((option, _)) if option.starts_with('-') => option.to_owned(),
        _ => usage.replace(['<', '>', '.'], ""),
    });
    let value = context(ContextKind::InvalidValue).filter(|value| !value.is_empty());
    match error.kind() {
        ErrorKind::ValueValidation => Some(format!("{}: {}", argument?, error.source()?)),
        ErrorKind::InvalidValue => Some(match (value, context(ContextKind::ValidValue)) {
            (Some(value), Some(allowed)) => format!("{}: “{value}” is none of {allowed}", argument?),
            _ => format!("{} needs a value; {help} says which", argument?),
        }),
        ErrorKind::MissingRequiredArgument => Some(format!("{} is missing; {help} says what it is", argument?)),
        ErrorKind::UnknownArgument => {
            let meant =
                context(ContextKind::SuggestedArg).map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
            Some(format!("“{}” is nothing that can stand here; {meant}{help} names what can", argument?))
        }
        // Without a flow of that name it was meant as a command, and talk of conflicts would be no help.
        ErrorKind::ArgumentConflict if !is_command && !first.starts_with('-') && !Path::new(first).exists() => {
            Some(format!("there is no command “{first}”; {help} names them all"))
        }
        ErrorKind::ArgumentConflict if error.get(ContextKind::InvalidArg) == error.get(ContextKind::PriorArg) => {
            Some(format!("{} is given twice; {help} says what it is", argument?))
        }
        ErrorKind::ArgumentConflict if !is_command && Path::new(first).exists() => {
            let second = words.get(1)?;
            Some(format!(
                "“{second}” cannot stand after a flow: one flow is opened, and a command stands before its flow"
            ))
        }
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            None
        }
        _ => {
            let all = error.to_string();
            let what = all.lines().next()?.trim_start_matches("error: ");
            Some(format!("{what}; {help} names what can stand here"))
        }
    }
}
