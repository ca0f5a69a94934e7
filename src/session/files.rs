//! Files besides the flow itself: the logs that its producers replay.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::model::{EventName, Flow, NodeId, Pacing};
use crate::plan::{self, Capabilities, Inputs, Place, Problem, ReplayLog, Severity};
use crate::store::{self, DataError, Disk};

use super::{SessionError, examples, load_error};

/// All problems of the flow of a file, errors first: those of [`plan::check()`], and logs that cannot be replayed.
pub fn check_file(path: &Path) -> Result<Vec<Problem>, SessionError> {
    let loaded = store::load(&Disk, path).map_err(load_error)?;
    let mut problems = plan::check(&loaded.flow);
    let (inputs, unread) = Logs::default().read(&loaded.flow, Some(path));
    problems.extend(unread);
    problems.sort_by_key(|problem| problem.severity);
    problems.dedup();
    if problems.iter().all(|problem| problem.severity != Severity::Error)
        && let Err(more) = plan::compile(&loaded.flow, &inputs, None)
    {
        problems.splice(0..0, more);
    }
    Ok(problems)
}

/// What makes a log the same one: its file, its field of times, the type of rows that name none.
pub(super) type LogName = (String, Option<String>, EventName);

/// The logs that a flow replays.
pub(super) fn log_names(flow: &Flow) -> impl Iterator<Item = LogName> {
    flow.nodes().values().filter_map(|node| {
        let producer = node.kind.source()?;
        let Pacing::Replay { file, time, pace: _ } = &producer.rate else { return None };
        Some((file.clone(), time.clone(), producer.emits.clone()))
    })
}

/// A log for a look into it, wherever it is; nothing if it cannot be read.
pub(super) fn sample((file, time, emits): &LogName, path: Option<&Path>) -> Option<Arc<ReplayLog>> {
    read_log(path, file, time.as_deref(), emits).ok()
}

/// The logs of a run, each read once: an edit in mid-run must not read another one than the run began with.
#[derive(Debug, Default)]
pub(super) struct Logs {
    read: BTreeMap<LogName, Arc<ReplayLog>>,
    /// The buses that are outside in this run.
    outside: BTreeMap<NodeId, Capabilities>,
}

impl Logs {
    /// Nothing read yet for a run in which these buses are outside.
    pub(super) fn carrying(outside: BTreeMap<NodeId, Capabilities>) -> Self {
        Self { read: BTreeMap::new(), outside }
    }

    /// The logs that a flow replays, and the problems with those that cannot be.
    pub(super) fn read(&mut self, flow: &Flow, path: Option<&Path>) -> (Inputs, Vec<Problem>) {
        let mut inputs = Inputs { outside: self.outside.clone(), ..Inputs::default() };
        let mut problems = Vec::new();
        for (id, node) in flow.nodes() {
            let Some(producer) = node.kind.source() else { continue };
            let Pacing::Replay { file, time, pace: _ } = &producer.rate else { continue };
            let name = (file.clone(), time.clone(), producer.emits.clone());
            let log = match self.read.get(&name) {
                Some(log) => Ok(Arc::clone(log)),
                None => read_log(path, file, time.as_deref(), &producer.emits),
            };
            match log {
                Ok(log) => {
                    self.read.insert(name, Arc::clone(&log));
                    inputs.replays.insert(id.clone(), log);
                }
                Err(why) => problems.push(unreadable(id, why)),
            }
        }
        (inputs, problems)
    }
}

/// Why a log cannot be replayed, and what would help.
struct Unreadable {
    what: String,
    hint: String,
}

fn unreadable(id: &NodeId, Unreadable { what, hint }: Unreadable) -> Problem {
    let at = Place::Node(id.clone(), Some("rate.file".to_owned()));
    Problem { severity: Severity::Error, at, code: "replay-file", what, hint }
}

fn read_log(
    path: Option<&Path>,
    file: &str,
    time: Option<&str>,
    event: &EventName,
) -> Result<Arc<ReplayLog>, Unreadable> {
    let parse = |bytes: &[u8]| {
        ReplayLog::parse(file, bytes, time, event).map(Arc::new).map_err(|error| Unreadable {
            what: format!("“{file}” cannot be replayed: {error}"),
            hint: "A log is CloudEvents as JSON lines, or CSV with a column of times".to_owned(),
        })
    };
    // A flow that has no file yet has no folder to look into, but may name what ships.
    let folder = path.map(|path| path.parent().unwrap_or(Path::new("")));
    let on_disk = folder.map(|folder| store::read_data(&Disk, folder, file));
    match (on_disk, examples::data(file)) {
        (Some(Ok(data)), _) => parse(&data.bytes),
        (None, Some(bytes)) => parse(bytes),
        (Some(Err(DataError::Refused { source, .. })), Some(bytes)) if source.kind() == io::ErrorKind::NotFound => {
            parse(bytes)
        }
        (Some(Err(error)), _) => Err(Unreadable {
            what: error.to_string(),
            hint: "Put the log into the flow's own folder or below, and name it from there".to_owned(),
        }),
        (None, None) => Err(Unreadable {
            what: format!("“{file}” cannot be found, since the flow has no folder yet"),
            hint: "Save the flow first; its log is looked for beside it".to_owned(),
        }),
    }
}
