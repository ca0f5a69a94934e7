//! Figures of what calls: gateways with their requests, and circuit breakers.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use super::record::What;
use super::ways::{Circuit, NoReply};
use crate::model::{LinkIx, NodeIx, SubIx};

/// The figures of a gateway.
#[derive(Clone, Debug, Default)]
pub struct GatewayFigures {
    /// Requests that it made.
    pub requests: u64,
    /// Requests that were answered in time.
    pub replied: u64,
    /// Requests that nobody answered in time.
    pub timed_out: u64,
    /// Requests that nobody listened to.
    pub no_responders: u64,
    /// Requests that ended because an edit removed the gateway.
    pub purged: u64,
    /// Replies that nobody waited for any more, or that answered nothing.
    pub orphans: u64,
    /// From request to reply.
    pub round_trip: Histogram,
}

impl GatewayFigures {
    /// Requests that wait for their reply.
    pub const fn pending(&self) -> u64 {
        self.requests - self.replied - self.timed_out - self.no_responders - self.purged
    }
}

/// The figures of a circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerFigures {
    /// Its state.
    pub circuit: Circuit,
    /// How often it opened.
    pub opened: u64,
}

/// What is counted of records that few flows have: behind a test that such flows alone pay for.
#[derive(Clone, Debug, Default)]
pub(super) struct CallFigures {
    pub(super) gateways: BTreeMap<NodeIx, GatewayFigures>,
    pub(super) breakers: BTreeMap<(SubIx, Option<LinkIx>), BreakerFigures>,
}

impl CallFigures {
    pub(super) fn take(&mut self, what: &What<'_>) {
        match *what {
            What::Requested { node, .. } => self.gateways.entry(node).or_default().requests += 1,
            What::Replied { node, round_trip, .. } => {
                let figures = self.gateways.entry(node).or_default();
                figures.replied += 1;
                figures.round_trip.add(round_trip.as_nanos());
            }
            What::Unanswered { node, why, .. } => {
                let figures = self.gateways.entry(node).or_default();
                match why {
                    NoReply::TimedOut => figures.timed_out += 1,
                    NoReply::NoResponders => figures.no_responders += 1,
                    NoReply::Purged => figures.purged += 1,
                }
            }
            What::Orphaned { node, .. } => self.gateways.entry(node).or_default().orphans += 1,
            What::BreakerTurned { sub, link, circuit } => {
                let figures = self.breakers.entry((sub, link)).or_default();
                figures.circuit = circuit;
                figures.opened += u64::from(circuit == Circuit::Open);
            }
            _ => {}
        }
    }
}
