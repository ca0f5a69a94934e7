//! A report as a person reads it: aligned tables with units; or as one JSON object.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::model::SimDuration;
use crate::session::{LedgerReport, NodeReport, PublishReport, Report, Spread, Standing, VerdictLine};

use super::output::Output;

pub(super) fn write(output: &mut Output, report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        serde_json::to_writer_pretty(&mut *output, report)?;
        writeln!(output)?;
    } else {
        output.write_all(text(report).as_bytes())?;
    }
    Ok(())
}

/// How what was expected stands, a line each; whoever wants an exit code for it asks `eventloom test`.
pub(super) fn write_verdicts(output: &mut Output, verdicts: &[VerdictLine]) -> anyhow::Result<()> {
    if verdicts.is_empty() {
        return Ok(());
    }
    let mut text = String::from("\nExpected\n");
    let width = verdicts.iter().map(|verdict| verdict.name.as_str().chars().count()).max().unwrap_or(0);
    for verdict in verdicts {
        let (mark, words) = match verdict.standing {
            Standing::Kept => ("ok", verdict.what.clone()),
            Standing::Open => ("idle", verdict.what.clone()),
            Standing::Broken => ("FAILED", super::test::located(verdict)),
        };
        // A write to a string cannot fail.
        writeln!(text, "{mark:<6}  {:<width$}  {words}", verdict.name.as_str()).ok();
    }
    output.write_all(text.as_bytes())?;
    Ok(())
}

fn text(report: &Report) -> String {
    let Report { flow, seed, virtual_ns, records, trace_hash, publishes, ledger, nodes, links } = report;
    let time = SimDuration::from_nanos(*virtual_ns);
    let mut text =
        format!("{flow}  seed {seed}, {time} of virtual time, {} records, trace {trace_hash}\n", grouped(*records));

    let mut table = Table::new(&[
        "Node",
        "received",
        "handled",
        "failed",
        "retried",
        "emitted",
        "queue max",
        "queue mean",
        "busy",
        "wait p99",
        "service p99",
        "end to end p99",
    ]);
    for (id, node) in nodes {
        let NodeReport { received, handled, failed, retried, emitted, queue_max, queue_mean, .. } = node;
        let count = |figure: &Option<u64>| figure.map(grouped).unwrap_or_default();
        let p99 = |spread: &Option<Spread>| spread.map(|spread| short_time(spread.p99)).unwrap_or_default();
        table.row(vec![
            id.to_string(),
            count(received),
            count(handled),
            count(failed),
            count(retried),
            count(emitted),
            count(queue_max),
            queue_mean.map(|mean| format!("{mean:.2}")).unwrap_or_default(),
            node.utilization.map(|share| format!("{:.1} %", share * 100.0)).unwrap_or_default(),
            p99(&node.wait_ns),
            p99(&node.service_ns),
            p99(&node.end_to_end_ns),
        ]);
    }
    table.write_to(&mut text);

    let mut table = Table::new(&["Function", "cold starts", "throttled", "instances max", "cost"]);
    for (id, node) in nodes.iter().filter(|(_, node)| node.instances_max.is_some()) {
        let count = |figure: Option<u64>| figure.map(grouped).unwrap_or_default();
        table.row(vec![
            id.to_string(),
            count(node.cold_starts),
            count(node.throttled),
            count(node.instances_max),
            node.cost.map(|dollars| format!("${dollars:.6}")).unwrap_or_default(),
        ]);
    }
    table.write_to(&mut text);

    let mut table = Table::new(&["Link", "sent", "arrived", "lost", "duplicated"]);
    for (id, link) in links {
        let counts = [link.sent, link.arrived, link.lost, link.duplicated].map(grouped);
        table.row(std::iter::once(id.to_string()).chain(counts).collect());
    }
    table.write_to(&mut text);

    let PublishReport { attempts, accepted, rejected, deduped, link_lost, unknown, on_wire } = *publishes;
    let parts = [
        ("accepted", accepted),
        ("rejected", rejected),
        ("deduped", deduped),
        ("lost on a link", link_lost),
        ("unknown", unknown),
        ("on the wire", on_wire),
    ];
    text.push_str(&sum("Publishes", attempts, &parts));
    let LedgerReport {
        obligations,
        acked,
        dropped,
        dead_lettered,
        expired,
        retention_lost,
        purged,
        queued,
        delayed,
        in_flight,
    } = *ledger;
    let parts = [
        ("acked", acked),
        ("dropped", dropped),
        ("dead-lettered", dead_lettered),
        ("expired", expired),
        ("lost to retention", retention_lost),
        ("purged", purged),
        ("queued", queued),
        ("delayed", delayed),
        ("in flight", in_flight),
    ];
    text.push_str(&sum("Obligations", obligations, &parts));
    text
}

/// A sum and its parts that are not zero.
fn sum(what: &str, total: u64, parts: &[(&str, u64)]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{} {name}", grouped(*count)))
        .collect();
    if parts.is_empty() {
        format!("\n{what}  {}\n", grouped(total))
    } else {
        format!("\n{what}  {} = {}\n", grouped(total), parts.join(" + "))
    }
}

/// Rows of text under headings; the first column to the left, figures to the right, empty columns left out.
struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn write_to(&self, text: &mut String) {
        if self.rows.is_empty() {
            return;
        }
        let columns: Vec<usize> =
            (0..self.headings.len()).filter(|column| self.rows.iter().any(|row| !row[*column].is_empty())).collect();
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.headings[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = columns.iter().map(|column| width(*column)).collect();
        let line = |cell: &dyn Fn(usize) -> String| {
            let mut line = String::new();
            for (column, width) in columns.iter().zip(&widths) {
                let gap = width - cell(*column).chars().count();
                if *column == 0 {
                    line.push_str(&cell(*column));
                    line.extend(std::iter::repeat_n(' ', gap));
                } else {
                    line.extend(std::iter::repeat_n(' ', gap + 2));
                    line.push_str(&cell(*column));
                }
            }
            line.trim_end().to_owned() + "\n"
        };
        text.push('\n');
        text.push_str(&line(&|column| self.headings[column].to_owned()));
        for row in &self.rows {
            text.push_str(&line(&|column| row[column].clone()));
        }
    }
}

/// A count with its thousands apart: `1 234 567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A time in three digits and a unit: `1.23 ms`, for reading, not for reckoning.
fn short_time(nanos: u64) -> String {
    let (value, unit) = match nanos {
        0 => return "0".to_owned(),
        1..1_000 => (nanos as f64, "ns"),
        1_000..1_000_000 => (nanos as f64 / 1e3, "us"),
        1_000_000..1_000_000_000 => (nanos as f64 / 1e6, "ms"),
        1_000_000_000..120_000_000_000 => (nanos as f64 / 1e9, "s"),
        120_000_000_000..7_200_000_000_000 => (nanos as f64 / 60e9, "min"),
        _ => (nanos as f64 / 3600e9, "h"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}
