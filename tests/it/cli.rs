//! The real program: what it prints, where, and its exit code.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventloom"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_clear().env("COLUMNS", "100").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().expect("the program starts")
}

fn expected_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/cli")
}

/// Compares what the program prints with `tests/expected/cli/NAME.txt`, or rewrites it under `UPDATE_EXPECT=1`.
#[track_caller]
fn check(name: &str, arguments: &[&str], code: i32) {
    let output = run(arguments);
    let mut found = format!("$ eventloom {}\n", arguments.join(" "));
    found.push_str(&String::from_utf8_lossy(&output.stdout));
    if !output.stderr.is_empty() {
        write!(found, "--- stderr\n{}", String::from_utf8_lossy(&output.stderr)).expect("text");
    }
    let path = expected_folder().join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &found).expect("a writable file");
    }
    let expected = fs::read_to_string(&path).expect("a golden text; UPDATE_EXPECT=1 makes it");
    assert_eq!(found, expected, "UPDATE_EXPECT=1 rewrites {}", path.display());
    assert_eq!(output.status.code(), Some(code), "{found}");
}

#[test]
fn check_tells_all_problems_with_place_and_hint() {
    check("check-fine", &["check", "flows/hello.ron", "flows/earthquake-alerts.ron"], 0);
    check("check-problems", &["check", "tests/expected/cli/flows/problems.ron"], 1);
    check("check-no-flow", &["check", "tests/expected/cli/flows/unsound.ron", "flows/hello.ron"], 1);
    check("check-missing", &["check", "flows/hello.ron", "no-such-flow.ron"], 2);
}

#[test]
fn what_could_not_run_says_why_in_one_line() {
    check("simulate-missing", &["simulate", "no-such-flow.ron"], 2);
    check("simulate-no-flow", &["simulate", "tests/expected/cli/flows/unsound.ron"], 2);
    check("simulate-problems", &["simulate", "tests/expected/cli/flows/problems.ron"], 2);
    check("run-wrong-speed", &["run", "flows/hello.ron", "--speed", "fast"], 2);
    check("simulate-wrong-time", &["simulate", "flows/hello.ron", "--for", "soon"], 2);
    check("export-wrong-format", &["export", "flows/hello.ron", "--to", "visio"], 2);
    check("unknown-command", &["frobnicate", "flows/hello.ron"], 2);
}

#[test]
fn help_and_version_are_answers() {
    check("help", &["--help"], 0);
    check("help-simulate", &["simulate", "--help"], 0);
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}

#[test]
fn export_writes_to_stdout_or_a_file() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/hello.ron")).expect("a flow");
    let output = run(&["export", "flows/hello.ron", "--to", "ron"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.dot");
    let arguments = ["export", "flows/hello.ron", "--to", "dot", "-o", path.to_str().expect("a name")];
    let output = run(&arguments);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
    assert!(fs::read_to_string(&path).expect("the file").starts_with("digraph"));
    let nowhere = run(&["export", "flows/hello.ron", "--to", "dot", "-o", "/no/such/folder/out.dot"]);
    assert_eq!(nowhere.status.code(), Some(2));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = program()
        .args(["export", "flows/order-fulfilment.ron", "--to", "ron"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Closed before anything can have been written.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn reports_are_tables_for_people_and_one_object_for_programs() {
    check("simulate-hello", &["simulate", "flows/hello.ron"], 0);
    check("simulate-functions", &["simulate", "flows/image-pipeline.ron", "--for", "1m", "--seed", "3"], 0);
    check("simulate-json", &["simulate", "flows/hello.ron", "--for", "10s", "--json"], 0);
    check("simulate-to-its-end", &["simulate", "flows/earthquake-alerts.ron"], 0);
    // As fast as the machine can, live is the same run.
    let live = run(&["run", "flows/hello.ron", "--for", "10s", "--speed", "max", "--json"]);
    let simulated = run(&["simulate", "flows/hello.ron", "--for", "10s", "--json"]);
    assert_eq!(String::from_utf8_lossy(&live.stdout), String::from_utf8_lossy(&simulated.stdout));
    assert_eq!(live.status.code(), Some(0));
}

#[test]
fn a_trace_is_a_line_of_json_for_each_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.jsonl");
    let path = path.to_str().expect("a name");
    let output = run(&["simulate", "flows/order-fulfilment.ron", "--for", "20s", "--json", "--trace", path]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let trace = fs::read_to_string(path).expect("a trace");
    assert_eq!(report["records"], trace.lines().count());
    let mut before = 0;
    for (number, line) in trace.lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        assert_eq!(line["n"], number + 1);
        let at = line["at_ns"].as_u64().expect("an instant");
        assert!(at >= before && line["what"].is_string());
        before = at;
    }
    let accepted = trace.lines().filter(|line| line.contains("\"what\":\"accepted\"")).count();
    assert_eq!(report["publishes"]["accepted"], accepted);
    let nowhere = run(&["simulate", "flows/hello.ron", "--trace", "/no/such/folder/trace.jsonl"]);
    assert_eq!(nowhere.status.code(), Some(2));
}
