//! What a person sees of a run as it goes by: dots, flashes and log rows, each by a budget that a look refills.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{EventId, EventTypeIx, LinkIx, NodeIx, SimDuration, SimTime};
use crate::plan::Plan;
use crate::trace::{self, Observer, Record, What};

use super::dots::Dots;
use super::log::Logger;
use super::view::{Dot, Flash, FlashKind, Leg, LogRow, RunIndex};

/// At most so many flashes in one look, and so many new ones from look to look.
const FLASHES: usize = 512;

/// Folds records into what a look shows. What it does not show costs it a test or two.
#[derive(Debug)]
pub struct Looker {
    plan: Arc<Plan>,
    index: Arc<RunIndex>,
    dots: Dots,
    logger: Logger,
    /// How many more nodes may flash until the next look.
    flashes_left: usize,
    flashes: VecDeque<Flash>,
    /// When each node last flashed, by kind: at most a few times while a flash is seen.
    flashed: Vec<[Option<SimTime>; 3]>,
    /// How long motion is seen, in virtual time.
    stays: SimDuration,
    events: u64,
}

impl Looker {
    /// Nothing seen yet of a run of this plan.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let mut looker = Self {
            plan: Arc::clone(plan),
            index: Arc::default(),
            dots: Dots::new(),
            logger: Logger::new(),
            flashes_left: FLASHES,
            flashes: VecDeque::new(),
            flashed: Vec::new(),
            stays: SimDuration::ZERO,
            events: 0,
        };
        looker.follow(plan);
        looker
    }

    /// Goes on with an edited plan. Handles of the earlier one keep their meaning.
    pub fn follow(&mut self, plan: &Arc<Plan>) {
        self.plan = Arc::clone(plan);
        self.index = Arc::new(index_of(plan));
        self.flashed.resize(plan.node_count(), [None; 3]);
        self.dots.resize(plan.link_count());
    }

    /// Takes a look at an instant, and refills the budgets. Motion is seen for `stays` after it began.
    pub fn look(&mut self, now: SimTime, stays: SimDuration) -> (Vec<Dot>, Vec<Flash>) {
        self.stays = stays;
        self.dots.set_stays(stays);
        self.flashes_left = FLASHES;
        while self.flashes.front().is_some_and(|flash| flash.at + stays < now) {
            self.flashes.pop_front();
        }
        (self.dots.look(now), self.flashes.iter().copied().collect())
    }

    /// Hands over the log rows since the last time, or keeps them if whoever reads is just fetching.
    pub(super) fn hand_over_log(&mut self, into: Option<&mut VecDeque<LogRow>>) {
        match into {
            Some(into) => self.logger.hand_over(into),
            None => self.logger.keep(),
        }
    }

    /// Names for the handles of its plan.
    pub const fn index(&self) -> &Arc<RunIndex> {
        &self.index
    }

    /// Events that came into being.
    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    /// Log rows that were skipped or forgotten so far.
    pub(super) const fn not_logged(&self) -> u64 {
        self.logger.not_logged()
    }

    /// The event type that travelled a link last.
    pub(super) fn last_event(&self, link: LinkIx) -> u32 {
        self.dots.last_kind(link.index())
    }

    #[inline]
    fn flash(&mut self, node: NodeIx, at: SimTime, what: FlashKind) {
        if self.flashes_left > 0 {
            self.flash_now(node, at, what);
        }
    }

    fn flash_now(&mut self, node: NodeIx, at: SimTime, what: FlashKind) {
        let pause = SimDuration::from_nanos(self.stays.as_nanos() / 4);
        let Some(flashed) = self.flashed.get_mut(node.index()) else { return };
        let last = &mut flashed[what as usize];
        if last.is_some_and(|last| at < last + pause) {
            return;
        }
        *last = Some(at);
        self.flashes_left -= 1;
        if self.flashes.len() == FLASHES {
            self.flashes.pop_front();
        }
        self.flashes.push_back(Flash { node, at, what });
    }
}

impl Observer for Looker {
    #[inline]
    fn record(&mut self, record: Record<'_>) {
        let at = record.at;
        match record.what {
            What::Emitted { .. } => self.events += 1,
            What::Sent { link, event, kind, leg, attempt, arrives } => {
                let (kind, leg) = (kind.0, leg_of(leg));
                self.dots.sent(Dot { link, event, kind, departed: at, arrives, attempt, leg, lost: false });
                return;
            }
            What::LinkLost { link, event, leg, .. } if leg != trace::Leg::Answer => self.dots.lost(link, event, at),
            What::Handled { node, .. } | What::Recognised { node, .. } => self.flash(node, at, FlashKind::Handled),
            What::Failed { node, .. } | What::Unanswered { node, .. } => self.flash(node, at, FlashKind::Failed),
            What::Dropped { node, .. }
            | What::DeadLettered { node, .. }
            | What::Expired { node, .. }
            | What::Evicted { node, .. } => {
                self.flash(node, at, FlashKind::GivenUp);
            }
            _ => {}
        }
        self.logger.record(&record, &self.plan);
    }
}

pub(super) const fn leg_of(leg: trace::Leg) -> Leg {
    match leg {
        trace::Leg::Publish => Leg::Publish,
        trace::Leg::Deliver => Leg::Deliver,
        trace::Leg::Call => Leg::Call,
        trace::Leg::DeadLetter => Leg::DeadLetter,
        trace::Leg::Replay => Leg::Replay,
        // No record of travel has it.
        trace::Leg::Answer => Leg::Deliver,
    }
}

/// Names for the handles of a plan.
fn index_of(plan: &Plan) -> RunIndex {
    let nodes: Vec<_> = (0..plan.node_count() as u32).map(NodeIx).collect();
    let links: Vec<_> = (0..plan.link_count() as u32).map(LinkIx).collect();
    let events = (0..plan.event_count() as u32).map(EventTypeIx);
    RunIndex {
        nodes: nodes.iter().map(|node| plan.node_id(*node).clone()).collect(),
        links: links.iter().map(|link| plan.link_id(*link).clone()).collect(),
        events: events.map(|event| plan.event_name(event).clone()).collect(),
        // Of several that had the same id, one after the other, the last one is the one that is drawn.
        node_ix: nodes.iter().map(|node| (plan.node_id(*node).clone(), *node)).collect(),
        link_ix: links.iter().map(|link| (plan.link_id(*link).clone(), *link)).collect(),
    }
}
/// How people write an event's id: the node it came from and its number.
pub(super) fn event_text(plan: &Plan, event: EventId) -> String {
    format!("{}/{}", plan.node_id(event.origin()), event.number())
}

/// The event that a record is about, if it is about one.
pub(super) const fn event_of(what: &What<'_>) -> Option<EventId> {
    match what {
        What::Emitted { event, .. }
        | What::Sent { event, .. }
        | What::Accepted { event, .. }
        | What::Rejected { event, .. }
        | What::Opened { event, .. }
        | What::Delivered { event, .. }
        | What::Received { event, .. }
        | What::Started { event, .. }
        | What::Handled { event, .. }
        | What::Failed { event, .. }
        | What::Throttled { event, .. }
        | What::Acked { event, .. }
        | What::Stale { event, .. }
        | What::Retrying { event, .. }
        | What::Queued { event, .. }
        | What::Dropped { event, .. }
        | What::DeadLettered { event, .. }
        | What::Buried { event, .. }
        | What::Forgotten { event, .. }
        | What::Postponed { event, .. }
        | What::Expired { event, .. }
        | What::OrderGap { event, .. }
        | What::Recognised { event, .. }
        | What::Evicted { event, .. }
        | What::Purged { event, .. }
        | What::Blocked { event, .. }
        | What::Unblocked { event, .. }
        | What::Broken { event, .. }
        | What::LinkLost { event, .. }
        | What::Duplicated { event, .. }
        | What::HeldUp { event, .. }
        | What::LostInCrash { event, .. }
        | What::TurnedAway { event, .. }
        | What::Slowed { event, .. }
        | What::Skewed { event, .. }
        | What::Deduped { event, .. }
        | What::Removed { event, .. }
        | What::Replayed { event, .. }
        | What::Muted { event, .. }
        | What::Limited { event, .. }
        | What::HeldBack { event, .. }
        | What::Cancelled { event, .. }
        | What::CallFailed { event, .. }
        | What::Requested { event, .. }
        | What::Replied { event, .. }
        | What::Unanswered { event, .. }
        | What::Orphaned { event, .. }
        | What::Unconfirmed { event, .. } => Some(*event),
        What::FaultBegan { .. } | What::FaultEnded { .. } => None,
        What::OutOfRange { .. }
        | What::Sought { .. }
        | What::Deadlocked { .. }
        | What::InstanceStarted { .. }
        | What::InstanceReclaimed { .. }
        | What::Rebalanced { .. }
        | What::Assigned { .. }
        | What::Edited { .. }
        | What::SourceEnded { .. }
        | What::BreakerTurned { .. }
        | What::Draining => None,
    }
}
