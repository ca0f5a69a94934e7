//! What a person sees of a run as it goes by: dots, flashes and log rows, each by a budget that a look refills.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{EventId, EventTypeIx, LinkIx, NodeIx, SimDuration, SimTime};
use crate::plan::Plan;
use crate::trace::{self, Begun, Birth, Called, Ended, Handed, Observer, Passage, Published, Record, Way, What};

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

    /// An event comes into being and leaves at once.
    #[inline]
    fn born(&mut self, at: SimTime, link: LinkIx, birth: &Birth, attempt: u32, leg: Leg) {
        self.events += 1;
        self.dots.sent(here(at, link, birth.event, birth.kind, attempt, leg));
    }

    fn one_by_one(&mut self, records: impl IntoIterator<Item = Record<'static>>) {
        records.into_iter().for_each(|record| self.record(record));
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

    // What comes at once is counted at once where none of it would be a row of the log; else it is what it stands for.

    #[inline]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        // Delivered, started, handled.
        if !self.logger.leaves_out(3) {
            return self.one_by_one(passage.records(at));
        }
        let Passage { link, event, kind, node, .. } = *passage;
        self.dots.sent(here(at, link, event, kind, 1, Leg::Deliver));
        self.flash(node, at, FlashKind::Handled);
    }

    #[inline]
    fn published(&mut self, at: SimTime, published: &Published) {
        // Emitted, accepted.
        if !self.logger.leaves_out(2) {
            return self.one_by_one(published.records(at));
        }
        self.born(at, published.link, &published.birth, 0, Leg::Publish);
    }

    #[inline]
    fn called(&mut self, at: SimTime, called: &Called) {
        // Emitted.
        if !self.logger.leaves_out(1) {
            return self.one_by_one(called.records(at));
        }
        self.born(at, called.link, &called.birth, 1, Leg::Call);
    }

    #[inline]
    fn begun(&mut self, at: SimTime, begun: &Begun) {
        // Delivered, started.
        if !self.logger.leaves_out(2) {
            return self.one_by_one(begun.records(at));
        }
        let Begun { event, kind, attempt, way, .. } = *begun;
        if let Way::Delivery(link) = way {
            self.dots.sent(here(at, link, event, kind, attempt, Leg::Deliver));
        }
    }

    #[inline]
    fn handed(&mut self, at: SimTime, handed: &Handed) {
        // Delivered.
        if !self.logger.leaves_out(1) {
            return self.one_by_one(handed.records(at));
        }
        let Handed { event, kind, attempt, link, .. } = *handed;
        self.dots.sent(here(at, link, event, kind, attempt, Leg::Deliver));
    }

    #[inline]
    fn ended(&mut self, at: SimTime, ended: &Ended) {
        // Handled.
        if !self.logger.leaves_out(1) {
            return self.one_by_one(ended.records(at));
        }
        self.flash(ended.node, at, FlashKind::Handled);
    }
}

/// What leaves and arrives at one instant.
const fn here(at: SimTime, link: LinkIx, event: EventId, kind: EventTypeIx, attempt: u32, leg: Leg) -> Dot {
    Dot { link, event, kind: kind.0, departed: at, arrives: at, attempt, leg, lost: false }
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
        | What::Gathered { event, .. }
        | What::Late { event, .. }
        | What::HeldAlready { event, .. }
        | What::WindowClosed { event, .. }
        | What::Joined { event, .. }
        | What::Unconfirmed { event, .. } => Some(*event),
        What::Kept { event, .. } => *event,
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
        | What::WatermarkAdvanced { .. }
        | What::StateLost { .. }
        | What::Draining => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::kernel::Kernel;
    use crate::plan::{self, Inputs};
    use crate::session::EXAMPLES;

    use super::*;

    /// Is shown nothing at once.
    struct OneByOne(Looker);

    impl Observer for OneByOne {
        fn record(&mut self, record: Record<'_>) {
            self.0.record(record);
        }
    }

    #[test]
    fn what_comes_at_once_looks_as_its_records_do() {
        let mut not_logged = 0;
        let (seen_for, apart) = (SimDuration::from_millis(350), SimDuration::from_secs(60));
        for example in EXAMPLES {
            let flow = example.flow();
            let Ok(plan) = plan::compile(&flow, &Inputs::default(), None).map(Arc::new) else { continue };
            let kernel = || Kernel::new(Arc::clone(&plan), flow.seed());
            let (mut one, mut other) = (kernel(), kernel());
            let (mut at_once, mut one_by_one) = (Looker::new(&plan), OneByOne(Looker::new(&plan)));
            let (mut rows, mut other_rows) = (VecDeque::new(), VecDeque::new());
            for _ in 0..5 {
                let until = one.now() + apart;
                let stopped = one.run_until(until, u32::MAX, &mut at_once);
                assert_eq!(stopped, other.run_until(until, u32::MAX, &mut one_by_one), "{}", example.name);
                let looks = [&mut at_once, &mut one_by_one.0].map(|looker| looker.look(until, seen_for));
                assert_eq!(looks[0], looks[1], "{}", example.name);
                at_once.hand_over_log(Some(&mut rows));
                one_by_one.0.hand_over_log(Some(&mut other_rows));
            }
            assert_eq!(rows, other_rows, "{}", example.name);
            let counts = [&at_once, &one_by_one.0].map(|looker| (looker.events(), looker.not_logged()));
            assert_eq!(counts[0], counts[1], "{}", example.name);
            not_logged += counts[0].1;
        }
        assert!(not_logged > 10_000, "there was more than a log has room for: {not_logged}");
    }
}
