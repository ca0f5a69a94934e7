//! Every flow that ships runs, conserves what it is given, and reports what it did when its report was last looked at.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use eventloom::model::SimDuration;
use eventloom::session::{Ending, Report, Session, SimulateOptions};

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("flows ship with the source")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .collect();
    files.sort();
    files
}

fn simulate(path: &Path, limit: Option<SimDuration>) -> (Report, Ending) {
    let session = Session::from_file(path).unwrap_or_else(|error| panic!("{error}"));
    let watch = &mut |_, _| ControlFlow::Continue(());
    let simulated = session.simulate(&SimulateOptions { seed: None, limit }, watch);
    let simulated = simulated.unwrap_or_else(|error| panic!("{}: {error}: {:?}", path.display(), session.problems()));
    (simulated.report, simulated.ending)
}

/// What goes in comes out, or is still there: the laws that hold for every report.
fn conserves(report: &Report) {
    let name = &report.flow;
    let publishes = &report.publishes;
    let ends = [
        publishes.accepted,
        publishes.rejected,
        publishes.deduped,
        publishes.link_lost,
        publishes.unknown,
        publishes.on_wire,
    ];
    assert_eq!(publishes.attempts, ends.iter().sum::<u64>(), "{name}: publishes {publishes:?}");
    let ledger = &report.ledger;
    assert_eq!(ledger.obligations, ledger.settled() + ledger.open(), "{name}: ledger {ledger:?}");
    for (link, figures) in &report.links {
        assert!(figures.arrived + figures.lost <= figures.sent + figures.duplicated, "{name}: {link} {figures:?}");
    }
    for (id, node) in &report.nodes {
        let (Some(received), Some(handled), Some(failed)) = (node.received, node.handled, node.failed) else {
            continue;
        };
        assert!(handled + failed <= received, "{name}: {id} {node:?}");
        if let Some(share) = node.utilization {
            assert!((0.0..=1.0 + 1e-9).contains(&share), "{name}: {id} is busy {share}");
        }
    }
}

#[test]
fn every_flow_runs_conserves_and_has_its_golden_report() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    for path in shipped() {
        let (report, _) = simulate(&path, None);
        conserves(&report);
        let json = serde_json::to_string_pretty(&report).expect("a report is JSON") + "\n";
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/expected/flows/{}.json", report.flow));
        if update {
            fs::write(&golden, &json).expect("a writable file");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(json == expected, "{} has changed; UPDATE_EXPECT=1 rewrites it:\n{json}", golden.display());
    }
}

#[test]
fn no_golden_report_is_left_of_a_flow_that_is_gone() {
    let names: Vec<_> = shipped().iter().map(|path| path.file_stem().expect("a name").to_owned()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/flows");
    for entry in fs::read_dir(folder).expect("golden reports").flatten() {
        let path = entry.path();
        assert!(names.contains(&path.file_stem().expect("a name").to_owned()), "{}", path.display());
    }
}

#[test]
fn the_week_had_39_earthquakes_to_be_alerted_of() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/earthquake-alerts.ron");
    let (report, ending) = simulate(&path, None);
    assert!(matches!(ending, Ending::NothingLeft(_)), "{ending}");
    assert_eq!(report.nodes["alerts"].received, Some(39));
}

#[test]
fn the_same_seed_is_the_same_run_and_another_one_is_not() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/order-fulfilment.ron");
    let limit = Some(SimDuration::from_secs(60));
    let session = Session::from_file(&path).expect("a flow");
    let with = |seed| {
        let watch = &mut |_, _| ControlFlow::Continue(());
        session.simulate(&SimulateOptions { seed: Some(seed), limit }, watch).expect("it runs").report
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1).trace_hash, with(2).trace_hash);
}
