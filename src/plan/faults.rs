//! The scenario of a plan: what each fault is about, in handles.

use super::Plan;
use crate::model::{FaultIx, FaultKind, FaultName, FaultTarget, Flow, LinkIx, NodeIx};

/// What a fault is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// A node.
    Node(NodeIx),
    /// Links, each with its own draws.
    Links(Box<[LinkIx]>),
}

impl Aim {
    /// Whether two are about the same node, or share a link.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Node(one), Self::Node(other)) => one == other,
            (Self::Links(ones), Self::Links(others)) => ones.iter().any(|link| others.contains(link)),
            (Self::Node(_), Self::Links(_)) | (Self::Links(_), Self::Node(_)) => false,
        }
    }
}

/// A fault of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FaultPlan {
    pub(crate) name: FaultName,
    pub(crate) alive: bool,
    pub(crate) at: u64,
    /// `u64::MAX` if it does not end by itself.
    pub(crate) until: u64,
    pub(crate) on: Aim,
    pub(crate) kind: FaultKind,
}

impl Plan {
    /// Lays the scenario out. What never happens is no part of a run: its trace is that of a run without it.
    pub(super) fn lay_faults(&mut self, flow: &Flow) {
        for (name, fault) in flow.faults() {
            let at = fault.at.as_nanos();
            let until = fault.lasts.map_or(u64::MAX, |lasts| at.saturating_add(lasts.as_nanos()));
            let happens = fault.kind.chance().billionths() > 0 && until > at;
            let Some(on) = self.aim(&fault.on).filter(|_| happens) else { continue };
            let plan = FaultPlan { name: name.clone(), alive: true, at, until, on, kind: fault.kind };
            match self.faults.iter().position(|known| known.name == *name) {
                Some(place) => self.faults[place] = plan,
                None => self.faults.push(plan),
            }
        }
    }

    /// The handles of what a fault is about; `None` if nothing of it is drawn.
    pub fn aim(&self, on: &FaultTarget) -> Option<Aim> {
        match on {
            FaultTarget::Node(id) => self.node_ix(id).filter(|node| self.is_alive(*node)).map(Aim::Node),
            FaultTarget::Link(_) | FaultTarget::Links(_) => {
                let links = on.links().iter().filter_map(|id| self.link_ix(id));
                let links: Box<[LinkIx]> = links.filter(|link| self.is_link_alive(*link)).collect();
                (!links.is_empty()).then_some(Aim::Links(links))
            }
        }
    }

    /// What a fault of the run is called: its name in the scenario, or that it was made by hand.
    pub fn fault_name(&self, fault: FaultIx) -> String {
        match fault.hand_number() {
            Some(number) => format!("by hand {}", number + 1),
            None => self.faults.get(fault.index()).map_or_else(String::new, |fault| fault.name.to_string()),
        }
    }
}
