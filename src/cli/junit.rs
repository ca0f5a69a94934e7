//! Results as JUnit XML: a suite a flow, a case an expectation. What all who read such files agree on, and no more.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::test::{TestedFlow, commands, located};
use crate::session::{Standing, Tested, TestedLine};

/// The file that holds these results.
pub(super) fn text(flows: &[TestedFlow]) -> std::io::Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let sum = |count: fn(&Tested) -> usize| flows.iter().map(|flow| count(&flow.tested)).sum::<usize>().to_string();
    let took: f64 = flows.iter().map(|flow| flow.tested.took.as_secs_f64()).sum();
    let (tests, failures, errors) = (sum(tests), sum(failures), sum(errors));
    writer
        .create_element("testsuites")
        .with_attribute(("name", "eventloom"))
        .with_attribute(("tests", tests.as_str()))
        .with_attribute(("failures", failures.as_str()))
        .with_attribute(("errors", errors.as_str()))
        .with_attribute(("time", seconds(took).as_str()))
        .write_inner_content(|writer| flows.iter().try_for_each(|flow| suite(writer, flow)))?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

fn tests(tested: &Tested) -> usize {
    tested.lines.len() + errors(tested)
}

fn failures(tested: &Tested) -> usize {
    tested.lines.iter().filter(|line| line.broken > 0).count()
}

fn skipped(tested: &Tested) -> usize {
    tested.lines.iter().filter(|line| is_skipped(line)).count()
}

/// Runs that did not come to their end are one case more.
fn errors(tested: &Tested) -> usize {
    usize::from(tested.cut_short.is_some())
}

fn is_skipped(line: &TestedLine) -> bool {
    line.broken == 0 && line.sample.standing == Standing::Open
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

fn suite(writer: &mut Writer<Vec<u8>>, flow: &TestedFlow) -> std::io::Result<()> {
    let TestedFlow { path, tested } = flow;
    let name = path.display().to_string();
    // Seeds judge all expectations together: each has its share of the time.
    let each = tested.took.as_secs_f64() / tests(tested).max(1) as f64;
    writer
        .create_element("testsuite")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("tests", tests(tested).to_string().as_str()))
        .with_attribute(("failures", failures(tested).to_string().as_str()))
        .with_attribute(("errors", errors(tested).to_string().as_str()))
        .with_attribute(("skipped", skipped(tested).to_string().as_str()))
        .with_attribute(("time", seconds(tested.took.as_secs_f64()).as_str()))
        .write_inner_content(|writer| {
            for line in &tested.lines {
                let case = writer
                    .create_element("testcase")
                    .with_attribute(("name", line.name.as_str()))
                    .with_attribute(("classname", name.as_str()))
                    .with_attribute(("time", seconds(each).as_str()));
                match &line.first_broken {
                    Some((seed, verdict)) => {
                        let [simulate, test] = commands(path, tested, *seed);
                        let text = format!("seed {seed}: {}\n{simulate}\n{test}\n", located(verdict));
                        let message =
                            format!("broken with {} of {} seeds: {}", line.broken, tested.seeds, verdict.what);
                        case.write_inner_content(|writer| problem(writer, "failure", &message, &text))?;
                    }
                    None if is_skipped(line) => {
                        case.write_inner_content(|writer| {
                            let skipped = writer.create_element("skipped");
                            skipped.with_attribute(("message", line.sample.what.as_str())).write_empty().map(drop)
                        })?;
                    }
                    None => {
                        case.write_empty()?;
                    }
                }
            }
            let Some((seed, limit)) = &tested.cut_short else { return Ok(()) };
            let case = writer
                .create_element("testcase")
                .with_attribute(("name", "every run comes to its end"))
                .with_attribute(("classname", name.as_str()))
                .with_attribute(("time", seconds(each).as_str()));
            let text = format!("{}\n", commands(path, tested, *seed).join("\n"));
            case.write_inner_content(|writer| problem(writer, "error", limit, &text)).map(drop)
        })
        .map(drop)
}

fn problem(writer: &mut Writer<Vec<u8>>, tag: &str, message: &str, text: &str) -> std::io::Result<()> {
    let element = writer.create_element(tag);
    let element = element.with_attribute(("message", message)).with_attribute(("type", "expectation"));
    element.write_text_content(BytesText::new(text)).map(drop)
}
