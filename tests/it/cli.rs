//! The real program: what it prints, where, and its exit code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventloom"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_clear().env("COLUMNS", "100").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().expect("the program starts")
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_is_answered_like_any_other() {
    use std::os::unix::ffi::OsStrExt as _;

    let name = std::ffi::OsStr::from_bytes(b"\xff.ron");
    for rest in [&[][..], &["--seed", "x"], &["--frobnicate"]] {
        let output = program().arg("simulate").arg(name).args(rest).output().expect("the program starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.lines().count()), (Some(2), 1), "{told}");
    }
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
    check("export-no-format", &["export", "flows/hello.ron", "--to"], 2);
    check("simulate-wrong-seed", &["simulate", "flows/hello.ron", "--seed", "abc"], 2);
    check("simulate-negative-seed", &["simulate", "flows/hello.ron", "--seed", "-1"], 2);
    check("simulate-nothing", &["simulate"], 2);
    check("simulate-two-seeds", &["simulate", "flows/hello.ron", "--seed", "1", "--seed", "2"], 2);
    check("simulate-json-of-what", &["simulate", "flows/hello.ron", "--json=yes"], 2);
    check("simulate-negative-time", &["simulate", "flows/hello.ron", "--for", "-1s"], 2);
    check("two-flows", &["flows/hello.ron", "flows/saga.ron"], 2);
    check("run-misspelt", &["run", "flows/hello.ron", "--sped", "2x"], 2);
    check("unknown-option", &["--frobnicate"], 2);
    check("unknown-command", &["frobnicate", "flows/hello.ron"], 2);
}

#[test]
fn help_and_version_are_answers() {
    check("help", &["--help"], 0);
    check("help-simulate", &["simulate", "--help"], 0);
    check("presets", &["presets"], 0);
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

const BROKEN: &str = "tests/expected/cli/flows/broken.ron";

#[test]
fn a_test_judges_what_is_expected_and_names_the_commands_that_show_a_failure() {
    check("help-test", &["test", "--help"], 0);
    check("test-kept", &["test", "flows/hello.ron", "flows/earthquake-alerts.ron", "--seeds", "3"], 0);
    check("test-broken", &["test", BROKEN, "flows/hello.ron", "--seeds", "6", "--for", "30s"], 1);
    check("test-one-seed", &["test", BROKEN, "--seed", "2", "--for", "30s"], 1);
    check("test-nothing-expected", &["test", "tests/expected/cli/flows/plain.ron"], 0);
    check("test-problems", &["test", "flows/hello.ron", "tests/expected/cli/flows/problems.ron"], 2);
    check("test-missing", &["test", "no-such-flow.ron"], 2);
    check("test-no-seeds", &["test", "flows/hello.ron", "--seeds", "0"], 2);
    check("test-wrong-seeds", &["test", "flows/hello.ron", "--seeds", "many"], 2);
    // The command that a failure names shows it.
    let told = fs::read_to_string(expected_folder().join("test-broken.txt")).expect("a golden text");
    let command = told.lines().find_map(|line| line.trim().strip_prefix("eventloom simulate ")).expect("a command");
    let arguments: Vec<&str> = ["simulate"].into_iter().chain(command.split_whitespace()).collect();
    let shown = run(&arguments);
    assert_eq!(shown.status.code(), Some(0));
    let failure = told.lines().skip_while(|line| !line.contains("FAILED")).nth(1).expect("what was wrong").trim();
    assert!(String::from_utf8_lossy(&shown.stdout).contains(failure), "{failure}");
}

/// An element's attributes, by name.
fn attributes(element: &BytesStart<'_>) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let attribute = |attribute: Attribute<'_>| {
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).expect("a value");
        (text(attribute.key.as_ref()), value.into_owned())
    };
    element.attributes().map(|found| attribute(found.expect("an attribute"))).collect()
}

/// Checks a text against what readers of JUnit XML agree on: which elements stand in which, which attributes each has and
/// needs, and that counts are those of what they count. The names of its cases with what became of them.
fn valid_junit(text: &str) -> Vec<(String, &'static str)> {
    const ELEMENTS: [(&str, &str, &[&str], &[&str]); 6] = [
        ("testsuites", "", &[], &["name", "tests", "failures", "errors", "time"]),
        ("testsuite", "testsuites", &["name", "tests", "failures", "errors"], &["skipped", "time"]),
        ("testcase", "testsuite", &["name", "classname"], &["time"]),
        ("failure", "testcase", &["message"], &["type"]),
        ("error", "testcase", &["message"], &["type"]),
        ("skipped", "testcase", &[], &["message"]),
    ];
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut open, mut cases): (Vec<String>, Vec<(String, &'static str)>) = (Vec::new(), Vec::new());
    let mut told: Vec<BTreeMap<String, String>> = Vec::new();
    loop {
        let event = reader.read_event().expect("well-formed XML");
        let (element, is_empty) = match &event {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(_) => {
                open.pop();
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = String::from_utf8(element.name().as_ref().to_vec()).expect("a name");
        let above = open.last().map_or("", String::as_str);
        let (_, parent, needed, allowed) =
            ELEMENTS.iter().find(|(known, ..)| *known == name).unwrap_or_else(|| panic!("no element is called {name}"));
        assert_eq!(above, *parent, "{name} stands in {above}");
        let attributes = attributes(element);
        for needed in *needed {
            assert!(attributes.contains_key(*needed), "{name} has no {needed}");
        }
        for (attribute, value) in &attributes {
            assert!(
                needed.contains(&attribute.as_str()) || allowed.contains(&attribute.as_str()),
                "{name} {attribute}"
            );
            if attribute == "time" {
                assert!(value.parse::<f64>().is_ok_and(|seconds| seconds >= 0.0), "{value}");
            }
        }
        match name.as_str() {
            "testsuites" | "testsuite" => told.push(attributes),
            "testcase" => cases.push((attributes["name"].clone(), "passed")),
            "failure" => cases.last_mut().expect("a case").1 = "failed",
            "error" => cases.last_mut().expect("a case").1 = "error",
            _ => cases.last_mut().expect("a case").1 = "skipped",
        }
        if !is_empty {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} is left open");
    let count = |became| cases.iter().filter(|(_, found)| *found == became).count();
    let [all, suites @ ..] = &told[..] else { panic!("there are no suites") };
    for (attribute, count) in [("tests", cases.len()), ("failures", count("failed")), ("errors", count("error"))] {
        let of = |suite: &BTreeMap<String, String>| suite[attribute].parse::<usize>().expect("a count");
        assert_eq!((of(all), suites.iter().map(of).sum::<usize>()), (count, count), "{attribute}");
    }
    let skipped = suites.iter().map(|suite| suite["skipped"].parse::<usize>().expect("a count")).sum::<usize>();
    assert_eq!(skipped, count("skipped"));
    cases
}

#[test]
fn a_test_writes_junit_that_validates() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.xml");
    let path = path.to_str().expect("a name");
    let output = run(&["test", BROKEN, "flows/hello.ron", "--seeds", "6", "--for", "30s", "--junit", path]);
    assert_eq!(output.status.code(), Some(1));
    let text = fs::read_to_string(path).expect("the file");
    let cases = valid_junit(&text);
    let expected = [
        ("a shop & \"till\" <sell>", "passed"),
        ("in order", "skipped"),
        ("nothing is lost", "failed"),
        ("every ring is heard", "passed"),
        ("the chime answers soon", "passed"),
    ];
    assert_eq!(cases, expected.map(|(name, became)| (name.to_owned(), became)), "{text}");
    assert!(text.contains("eventloom simulate tests/expected/cli/flows/broken.ron --seed "), "{text}");
    let nowhere =
        run(&["test", "flows/hello.ron", "--seeds", "1", "--for", "10s", "--junit", "/no/such/folder/out.xml"]);
    assert_eq!(nowhere.status.code(), Some(2));
}

/// Presses Ctrl-C as soon as the program listens, and waits for its end.
#[cfg(target_os = "linux")]
fn interrupted(arguments: &[&str]) -> Output {
    const SIGINT: u64 = 1 << 1;
    let child = program().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let listens = || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask").trim().to_owned();
        u64::from_str_radix(&caught, 16).expect("a mask") & SIGINT != 0
    };
    while !listens() {
        std::thread::yield_now();
    }
    let killed = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().expect("a shell");
    assert!(killed.success());
    child.wait_with_output().expect("it ends")
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_long_work_with_its_report() {
    let ends_with = |arguments: &[&str], code: i32, printed: &str, told: &str| {
        let output = interrupted(arguments);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
        assert!(stdout.contains(printed) && stderr.contains(told), "{stdout}{stderr}");
    };
    ends_with(&["run", "flows/hello.ron"], 0, "Obligations", "");
    ends_with(&["run", "flows/hello.ron", "--speed", "max", "--json"], 0, "\"trace_hash\"", "");
    ends_with(&["simulate", "flows/hello.ron", "--for", "3650d"], 0, "Obligations", "cancelled after");
    let told = "interrupted before all seeds were run";
    ends_with(&["test", "flows/hello.ron", "--seeds", "1000000000"], 2, "the other seeds were not run", told);
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
