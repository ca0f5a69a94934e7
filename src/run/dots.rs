//! Which events on the wire are shown one by one: a budget, shared among the links so that rare ones still move.

use std::collections::VecDeque;

use crate::model::{SimDuration, SimTime};

use super::view::Dot;

/// At most so many dots in one look. It is what eyes can follow and what a window can draw in a fraction of a frame.
pub(super) const BUDGET: usize = 2_048;

/// A link keeps at least so many, however many links there are.
const FEWEST_A_LINK: usize = 4;

/// The dots of one link.
#[derive(Clone, Debug, Default)]
struct LinkDots {
    shown: VecDeque<Dot>,
    /// When the last one left that was kept, so that the next ones are thinned out evenly and not in clumps.
    last_kept: Option<SimTime>,
}

/// The dots of a run.
#[derive(Clone, Debug)]
pub(super) struct Dots {
    links: Vec<LinkDots>,
    /// Links that carried anything lately; set at each look.
    busy_links: usize,
    /// How long a dot stays after it left, in virtual time: its motion is stretched to be legible.
    stays: SimDuration,
}

impl Dots {
    pub(super) const fn new() -> Self {
        Self { links: Vec::new(), busy_links: 1, stays: SimDuration::ZERO }
    }

    /// Sets how long a dot stays after it left.
    pub(super) const fn set_stays(&mut self, stays: SimDuration) {
        self.stays = stays;
    }

    /// Takes an event that leaves, if its link has not had its share.
    pub(super) fn sent(&mut self, dot: Dot) {
        let at = dot.link.index();
        if at >= self.links.len() {
            self.links.resize_with(at + 1, LinkDots::default);
        }
        let share = (BUDGET / self.busy_links).max(FEWEST_A_LINK);
        let link = &mut self.links[at];
        let visible = dot.arrives.since(dot.departed).max(self.stays);
        // The first half of the share goes to whoever comes first, so that a small burst is seen whole; the rest is
        // thinned out to be even over the time that a dot is seen.
        let gap = SimDuration::from_nanos(visible.as_nanos() / share as u64 * 2);
        let is_early = link.last_kept.is_some_and(|last| dot.departed < last + gap);
        if link.shown.len() >= share || link.shown.len() >= share / 2 && is_early {
            forget_gone(&mut link.shown, dot.departed, self.stays);
            if link.shown.len() >= share || link.shown.len() >= share / 2 && is_early {
                return;
            }
        }
        link.last_kept = Some(dot.departed);
        link.shown.push_back(dot);
    }

    /// The dots to show, in the order of the links; at most the budget.
    pub(super) fn look(&mut self, now: SimTime) -> Vec<Dot> {
        for link in &mut self.links {
            forget_gone(&mut link.shown, now, self.stays);
        }
        let counts: Vec<usize> = self.links.iter().map(|link| link.shown.len()).filter(|count| *count > 0).collect();
        self.busy_links = counts.len().max(1);
        let limit = fair_limit(counts);
        let mut dots = Vec::new();
        for link in &self.links {
            let count = link.shown.len();
            if count <= limit {
                dots.extend(link.shown.iter().copied());
            } else {
                dots.extend((0..limit).map(|n| link.shown[n * count / limit]));
            }
        }
        dots.truncate(BUDGET);
        dots
    }
}

/// Drops the oldest that have arrived and were seen long enough.
fn forget_gone(shown: &mut VecDeque<Dot>, now: SimTime, stays: SimDuration) {
    while shown.front().is_some_and(|dot| dot.arrives <= now && dot.departed + stays <= now) {
        shown.pop_front();
    }
}

/// The most that each may have so that all together stay within the budget.
fn fair_limit(mut counts: Vec<usize>) -> usize {
    counts.sort_unstable();
    let mut left = BUDGET;
    for (at, count) in counts.iter().enumerate() {
        let share = left / (counts.len() - at);
        if *count > share {
            return share.max(1);
        }
        left -= count;
    }
    BUDGET
}

#[cfg(test)]
mod tests {
    use crate::model::{EventId, LinkIx, NodeIx};
    use crate::run::view::Leg;

    use super::*;

    fn dot(link: u32, number: u64, departed: u64) -> Dot {
        let (departed, arrives) = (SimTime::from_nanos(departed), SimTime::from_nanos(departed + 1_000_000));
        let event = EventId::new(NodeIx(0), number);
        Dot { link: LinkIx(link), event, kind: 0, departed, arrives, attempt: 1, leg: Leg::Publish }
    }

    #[test]
    fn a_rare_link_moves_beside_a_busy_one() {
        let mut dots = Dots::new();
        for number in 0..100_000 {
            dots.sent(dot(0, number, number * 10));
        }
        dots.sent(dot(1, 0, 500_000));
        let shown = dots.look(SimTime::from_nanos(999_990));
        assert!(shown.len() <= BUDGET, "{}", shown.len());
        assert!(shown.iter().any(|dot| dot.link == LinkIx(1)));
        let busy: Vec<_> = shown.iter().filter(|dot| dot.link == LinkIx(0)).collect();
        assert!(busy.len() > BUDGET / 4, "{}", busy.len());
        // Spread over the link, not bunched at its beginning.
        let late = busy.iter().filter(|dot| dot.departed > SimTime::from_nanos(500_000)).count();
        assert!(late > busy.len() / 8, "{late} of {}", busy.len());
    }

    #[test]
    fn arrived_dots_stay_until_they_were_seen() {
        let mut dots = Dots::new();
        dots.set_stays(SimDuration::from_millis(350));
        dots.sent(dot(0, 0, 0));
        assert_eq!(dots.look(SimTime::from_nanos(300_000_000)).len(), 1);
        assert_eq!(dots.look(SimTime::from_nanos(350_000_000)).len(), 0);
    }
}
