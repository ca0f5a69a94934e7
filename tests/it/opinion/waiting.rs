//! What waits otherwise than in the order of the log: S8 strict order, S17 time to live, S18 priority, S19 delay.
//!
//! A subscription of which something of this is said, or that takes a topic of whose records something is, hands over who
//! matters most, then who has waited longest; what comes back keeps its place among the others. It stays so when an edit
//! unsays it.

use eventloom::model::{EventId, NodeIx, Order, SimDuration, SimTime, SubIx};
use eventloom::trace::Phase;

use super::ensure;
use super::naive::{Debt, Due, Naive, Obligation, Partition, Verdict};

impl Naive {
    /// S19: how long a new record stays out of sight: as it says itself, else as its subscription says.
    fn delay_of(&self, ix: SubIx, event: EventId) -> u64 {
        if !self.rules.lined.contains(&ix) {
            return 0;
        }
        let own = self.rules.events[&self.events[&event].kind].delay;
        own.unwrap_or(self.rules.subs[&ix].settings.delay).as_nanos()
    }

    /// Since when a new record waits in sight.
    pub(super) fn in_sight(&self, ix: SubIx, event: EventId, stored: SimTime) -> SimTime {
        SimTime::from_nanos(stored.as_nanos().saturating_add(self.delay_of(ix, event)))
    }

    /// S17: when a record is worth nothing any more, by itself or by its subscription, whichever is sooner.
    fn expires(&self, one: &Obligation) -> Option<SimTime> {
        let sub = self.rules.subs.get(&one.sub).filter(|_| one.place.is_some())?;
        let own = self.rules.events[&self.events[&one.event].kind].ttl;
        let ttl = own.into_iter().chain(sub.settings.ttl).min()?;
        Some(SimTime::from_nanos(one.since.as_nanos().saturating_add(ttl.as_nanos())))
    }

    fn has_expired(&self, one: &Obligation) -> bool {
        self.expires(one).is_some_and(|at| at <= self.now)
    }

    fn is_strict(&self, ix: SubIx) -> bool {
        self.rules.subs.get(&ix).is_some_and(|sub| sub.settings.order == Order::Strict)
    }

    /// S18: how much a record matters by now.
    fn level(&self, one: &Obligation) -> u64 {
        let sub = &self.rules.subs[&one.sub].settings;
        let Some(priority) = sub.priority.filter(|_| sub.order != Order::Strict) else { return 0 };
        let top = u64::from(priority.levels.max(1)) - 1;
        let own = u64::from(self.rules.events[&self.events[&one.event].kind].priority).min(top);
        let waited = self.now.as_nanos().saturating_sub(one.since.as_nanos());
        let aged = priority.aging.map_or(0, |aging| waited / aging.as_nanos().max(1));
        own.saturating_add(aged).min(top)
    }

    /// S8: whether a record of the same key that came before is not settled yet.
    pub(super) fn is_held_back(&self, debt: Debt) -> bool {
        let one = &self.debts[debt];
        let Some((partition, offset)) = one.place.filter(|_| self.is_strict(one.sub)) else { return false };
        self.has_elder(one.sub, partition, one.event, offset)
    }

    fn has_elder(&self, ix: SubIx, partition: Partition, event: EventId, offset: u64) -> bool {
        let Some(key) = &self.events[&event].key else { return false };
        self.open.get(&ix).into_iter().flatten().any(|other| {
            let other = &self.debts[*other];
            let is_before = other.place.is_some_and(|(own, place)| own == partition && place < offset);
            is_before && self.events[&other.event].key.as_ref() == Some(key)
        })
    }

    /// Whether a new record has nothing of its own to wait for. Nor does it then pass those who wait before a full queue.
    pub(super) fn may_go_at_once(&self, ix: SubIx, partition: Partition, event: EventId) -> bool {
        let holds = self.is_strict(ix) && self.has_elder(ix, partition, event, u64::MAX);
        let passes = self.rules.lined.contains(&ix) && self.doors.get(&ix).is_some_and(|door| !door.is_empty());
        self.delay_of(ix, event) == 0 && !holds && !passes
    }

    /// All that is queued in a partition, in the order of the log.
    pub(super) fn queued_in(&self, ix: SubIx, partition: Partition) -> Vec<Debt> {
        let queue = self.queues.get(&(ix, partition));
        let mut all: Vec<Debt> =
            queue.into_iter().flat_map(|queue| queue.again.iter().chain(&queue.fresh)).copied().collect();
        all.sort_by_key(|debt| self.debts[*debt].place.map(|(_, offset)| offset));
        all
    }

    /// S8, S18: whether nobody who may go has to go before this one: of its own partition, or of another whose owner has room.
    pub(super) fn is_next(&self, debt: Debt) -> bool {
        let one = &self.debts[debt];
        let Some((partition, offset)) = one.place else { return false };
        if self.is_held_back(debt) {
            return false;
        }
        let sub = &self.rules.subs[&one.sub];
        let rank = |one: &Obligation| (std::cmp::Reverse(self.level(one)), one.since);
        sub.partitions.iter().all(|other| {
            let counts = *other == partition || !sub.owns_partitions() || self.has_room(one.sub, *other) == Some(true);
            let goes_before = |rival: Debt| {
                let rival_one = &self.debts[rival];
                // Of two that have waited equally long in different partitions either may go.
                let is_before = match rank(rival_one).cmp(&rank(one)) {
                    std::cmp::Ordering::Equal => {
                        rival_one.place.is_some_and(|(own, place)| own == partition && place < offset)
                    }
                    order => order.is_lt(),
                };
                is_before && !self.is_held_back(rival) && !self.has_expired(rival_one)
            };
            !counts || !self.queued_in(one.sub, *other).into_iter().any(goes_before)
        })
    }

    /// Whether something of a partition waits that may be handed over.
    pub(super) fn has_ready(&self, ix: SubIx, partition: Partition) -> bool {
        self.queued_in(ix, partition).into_iter().any(|debt| !self.is_held_back(debt))
    }

    /// S17: what is handed over is worth something.
    pub(super) fn is_worth_something(&self, debt: Debt) -> Verdict {
        let one = &self.debts[debt];
        ensure!(!self.has_expired(one), "S17: delivered at {}, but it expired at {:?}", self.now, self.expires(one));
        Ok(())
    }

    pub(super) fn postponed(&mut self, sub: SubIx, event: EventId, due: SimTime) -> Verdict {
        let owed = self.owed(sub, event).to_vec();
        let is_it = |due: &Due| match due {
            Due::Postpone(debt) if owed.contains(debt) => Some(*debt),
            _ => None,
        };
        let Some(debt) = self.meet_first(is_it) else { return Err("S19: postponed, but nobody said so".to_owned()) };
        let since = self.debts[debt].since;
        ensure!(due == since, "S19: postponed until {due}, but it is due at {since}");
        self.leave_queue(debt);
        self.debts[debt].phase = Some(Phase::Delayed);
        self.due.push((due, Due::Queue(debt)));
        self.saw("postponed");
        Ok(())
    }

    pub(super) fn expired(
        &mut self,
        sub: SubIx,
        event: EventId,
        attempts: u32,
        from: Phase,
        to: Option<NodeIx>,
    ) -> Verdict {
        let debt = self
            .find(sub, event, |_, one| one.phase == Some(from) && from != Phase::InFlight && self.has_expired(one))
            .map_err(|wrong| format!("S17: it has not expired\n{wrong}"))?;
        let one = self.debts[debt].clone();
        ensure!(attempts == one.attempts, "S17: {attempts} attempts, but {} were made", one.attempts);
        let dead = self.dead_letter_queue(&one);
        ensure!(to == dead, "S17: a copy goes to {to:?}, but the flow says {dead:?}");
        if let Some(to) = to {
            self.expect(0, Due::DeadLeave(event));
            self.expect(1_000_000, Due::Bury(to, event));
        }
        self.leaves_gap(sub, event);
        self.may_be_consumed(debt, false);
        self.saw(if from == Phase::Queued { "expired" } else { "expired out of sight" });
        self.settle(debt, from)
    }

    /// S8: what ends without an ack leaves a gap in the order of its key, and that is told.
    pub(super) fn leaves_gap(&mut self, sub: SubIx, event: EventId) {
        if self.is_strict(sub) && self.events[&event].key.is_some() {
            self.expect(0, Due::Gap(sub, event));
        }
    }

    pub(super) fn order_gap(&mut self, sub: SubIx, event: EventId) -> Verdict {
        self.saw("a gap in the order");
        self.meet(&Due::Gap(sub, event)).map_err(|wrong| format!("S8: {wrong}"))
    }

    /// S17: what waits and is worth nothing any more is gone.
    pub(super) fn nothing_worthless_waits(&self) -> Verdict {
        for one in self.waiting() {
            ensure!(!self.has_expired(one), "S17: {:?} at {:?} waits, but has expired", one.event, one.sub);
        }
        Ok(())
    }

    /// When the next of what waits expires.
    pub(super) fn next_expiry(&self) -> Option<SimTime> {
        self.waiting().filter_map(|one| self.expires(one)).min()
    }

    fn waiting(&self) -> impl Iterator<Item = &Obligation> {
        let subs = self.rules.lined.iter().filter_map(|ix| self.open.get(ix));
        let open = subs.flatten().map(|debt| &self.debts[*debt]);
        open.filter(|one| matches!(one.phase, Some(Phase::Queued | Phase::Delayed)))
    }
}

/// What an event type says of its records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) ttl: Option<SimDuration>,
    pub(crate) delay: Option<SimDuration>,
    pub(crate) priority: u8,
    /// How large one is, in bytes.
    pub(crate) size: u64,
    /// Whether its example is null, if it has one.
    pub(crate) is_null: Option<bool>,
}
