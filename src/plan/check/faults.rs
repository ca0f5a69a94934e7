//! The scenario: faults that are about nothing, cannot befall what they are about, never happen, or meet each other.

use super::{Findings, did_you_mean};
use crate::model::{Fault, FaultKind, FaultName, FaultTarget, Flow, KindTag, SimDuration};
use crate::plan::problem::Place;

pub(super) fn check(flow: &Flow, findings: &mut Findings) {
    for (name, fault) in flow.faults() {
        let at = |field: &str| Place::Fault(name.clone(), Some(field.to_owned()));
        check_target(flow, name, fault, findings);
        check_kind(name, fault, findings);
        if fault.lasts == Some(SimDuration::ZERO) {
            let what = format!("“{name}” is over the moment it begins");
            findings.error(at("for"), "zero", what, "Say how long it lasts, or leave it out for the rest of the run");
        }
    }
    check_overlaps(flow, findings);
}

fn check_target(flow: &Flow, name: &FaultName, fault: &Fault, findings: &mut Findings) {
    let at = |field: &str| Place::Fault(name.clone(), Some(field.to_owned()));
    let word = fault.kind.label().to_lowercase();
    if let FaultTarget::Node(id) = &fault.on {
        let Some(node) = flow.node(id) else {
            let hint = did_you_mean(id.as_str(), flow.nodes().keys().map(|id| id.as_str()));
            let hint = if hint.is_empty() { "Name a node that is drawn".to_owned() } else { hint };
            findings.error(
                at("on"),
                "fault-target",
                format!("“{name}” is about the node “{id}”, which is not drawn"),
                hint,
            );
            return;
        };
        let tag = node.kind.tag();
        if !fault.kind.is_for_node(tag) {
            let who = format!("“{}” is a {}", flow.title(id), tag.label().to_lowercase());
            let what = format!("“{name}” cannot be: {who}, which cannot have the fault “{word}”");
            findings.error(at("kind"), "fault-kind", what, suits_node(tag));
        }
        return;
    }
    if fault.on.links().is_empty() {
        findings.error(at("on"), "fault-target", format!("“{name}” is about no link at all"), "Name at least one link");
    }
    for id in fault.on.links() {
        if flow.link(id).is_none() {
            let hint = did_you_mean(id.as_str(), flow.links().keys().map(|id| id.as_str()));
            let hint = if hint.is_empty() {
                "Name a link that is drawn; paths of dead letters do not fail".to_owned()
            } else {
                hint
            };
            findings.error(
                at("on"),
                "fault-target",
                format!("“{name}” is about the link “{id}”, which is not drawn"),
                hint,
            );
        }
    }
    if !fault.kind.is_for_links() {
        let what = format!("“{name}” cannot be: a link cannot have the fault “{word}”");
        findings.error(
            at("kind"),
            "fault-kind",
            what,
            "Links can drop, duplicate, delay, reorder, or be cut by a partition",
        );
    }
}

/// What a node of a kind can have, as a hint.
fn suits_node(tag: KindTag) -> String {
    let kinds = FaultKind::ALL.iter().filter(|kind| kind.is_for_node(tag)).map(|kind| kind.label().to_lowercase());
    let kinds: Vec<String> = kinds.collect();
    match kinds.split_last() {
        None => "Choose another node: this one only shows or keeps".to_owned(),
        Some((last, [])) => format!("It can have {last}; the others are for links and other nodes"),
        Some((last, rest)) => {
            format!("It can have {} or {last}; the others are for links and other nodes", rest.join(", "))
        }
    }
}

fn check_kind(name: &FaultName, fault: &Fault, findings: &mut Findings) {
    let at = |field: &str| Place::Fault(name.clone(), Some(format!("kind.{field}")));
    if fault.kind.chance().billionths() == 0 {
        let what = format!("“{name}” never happens: its chance is 0");
        findings.warning(at("chance"), "fault-never", what, "Set its chance above 0, or take it out");
    }
    match &fault.kind {
        FaultKind::Delay { by, .. } => {
            if let Some(wrong) = by.fault() {
                let what = format!("“{name}” says how long something takes, but {wrong}");
                findings.error(at("by"), "distribution", what, "Change the figures so that they fit together");
            }
        }
        FaultKind::Reorder { within, .. } if within.is_zero() => {
            let what = format!("“{name}” holds nothing back: within 0 nothing overtakes");
            findings.error(at("within"), "zero", what, "Give it some milliseconds, more than lies between two events");
        }
        FaultKind::Slow { by } if by.thousandths() <= 1_000 => {
            let what = format!("“{name}” makes nothing slower: {by} as long");
            findings.warning(at("by"), "fault-never", what, "Set it above 1x, as in 4x");
        }
        FaultKind::ClockSkew { by, .. } if by.is_zero() => {
            let what = format!("“{name}” changes no clock: it is wrong by 0");
            findings.warning(at("by"), "fault-never", what, "Say by how much the clock is wrong");
        }
        FaultKind::Drop { .. }
        | FaultKind::Duplicate { .. }
        | FaultKind::Reorder { .. }
        | FaultKind::Partition
        | FaultKind::Crash
        | FaultKind::Pause
        | FaultKind::Slow { .. }
        | FaultKind::ClockSkew { .. } => {}
    }
}

/// Two of one kind on one target at the same time: the later one adds nothing, or twice as much as meant.
fn check_overlaps(flow: &Flow, findings: &mut Findings) {
    let mut faults: Vec<(&FaultName, &Fault)> = flow.faults().iter().collect();
    faults.sort_by_key(|(name, fault)| (fault.at, *name));
    let end = |fault: &Fault| fault.lasts.map_or(SimDuration::MAX, |lasts| fault.at.saturating_add(lasts));
    for (place, (name, fault)) in faults.iter().enumerate() {
        let meets = |(_, earlier): &&(&FaultName, &Fault)| {
            let same = std::mem::discriminant(&earlier.kind) == std::mem::discriminant(&fault.kind);
            // A node that is gone does not stand still besides.
            let halts = |kind: &FaultKind| matches!(kind, FaultKind::Crash | FaultKind::Pause);
            (same || halts(&earlier.kind) && halts(&fault.kind)) && end(earlier) > fault.at && share(earlier, fault)
        };
        if let Some((other, _)) = faults[..place].iter().find(meets) {
            let what = format!("“{name}” begins while “{other}” is on, about the same");
            let hint = "Let one end before the other begins, or make one of them";
            findings.warning(Place::Fault((*name).clone(), Some("at".to_owned())), "fault-overlap", what, hint);
        }
    }
}

fn share(one: &Fault, other: &Fault) -> bool {
    match (one.on.node(), other.on.node()) {
        (Some(one), Some(other)) => one == other,
        (None, None) => one.on.links().iter().any(|link| other.on.links().contains(link)),
        _ => false,
    }
}
