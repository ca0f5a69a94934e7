//! Which events on the wire are shown one by one: a budget, shared among the links so that rare ones still move.
//!
//! What an event costs that is not shown is one countdown of its link. Everything else is done once a look: what was
//! taken since the last one tells how many each link may take until the next.

use crate::model::{EventId, LinkIx, SimDuration, SimTime};

use super::view::Dot;

/// At most so many dots in one look. It is what eyes can follow and what a window can draw in a fraction of a frame.
pub(super) const BUDGET: usize = 2_048;

/// The most events that a link lets pass before one is taken again.
const LONGEST_STRIDE: u16 = u16::MAX;

/// What is known of a link that has sent something lately. Only events that are taken touch it.
#[derive(Clone, Copy, Debug, Default)]
struct LinkDots {
    /// Events to let pass after one was taken.
    stride: u16,
    /// Events taken since the last look.
    taken: u32,
    /// The event type that was taken last.
    last_kind: u32,
}

/// The dots of a run.
#[derive(Clone, Debug)]
pub(super) struct Dots {
    /// How many events each link lets pass before the next is taken: all that the hot path touches of one that is not
    /// shown, and small, so that it stays in the cache beside what the kernel needs.
    skips: Vec<u16>,
    links: Vec<LinkDots>,
    /// How many may be taken until the next look.
    left: usize,
    /// In the order in which they left.
    shown: Vec<Dot>,
    /// How long a dot stays after it left, in virtual time: its motion is stretched to be legible.
    stays: SimDuration,
    looked_at: SimTime,
}

impl Dots {
    pub(super) const fn new() -> Self {
        Self {
            skips: Vec::new(),
            links: Vec::new(),
            left: BUDGET,
            shown: Vec::new(),
            stays: SimDuration::ZERO,
            looked_at: SimTime::ZERO,
        }
    }

    /// Makes room for this many links.
    pub(super) fn resize(&mut self, links: usize) {
        self.skips.resize(links, 0);
        self.links.resize(links, LinkDots::default());
    }

    /// Sets how long a dot stays after it left.
    pub(super) const fn set_stays(&mut self, stays: SimDuration) {
        self.stays = stays;
    }

    /// The event type that travelled a link last, of those that were taken.
    pub(super) fn last_kind(&self, link: usize) -> u32 {
        self.links.get(link).map_or(0, |link| link.last_kind)
    }

    /// Takes an event that leaves, if it is its turn.
    #[inline]
    pub(super) fn sent(&mut self, dot: Dot) {
        if self.left == 0 {
            return;
        }
        let Some(skip) = self.skips.get_mut(dot.link.index()) else { return };
        if *skip > 0 {
            *skip -= 1;
        } else {
            self.take(dot);
        }
    }

    fn take(&mut self, dot: Dot) {
        let link = &mut self.links[dot.link.index()];
        link.taken += 1;
        link.last_kind = dot.kind;
        self.skips[dot.link.index()] = link.stride;
        self.left -= 1;
        self.shown.push(dot);
    }

    /// What has just left a link is lost on it.
    pub(super) fn lost(&mut self, link: LinkIx, event: EventId, at: SimTime) {
        let left = |dot: &&mut Dot| (dot.link, dot.event, dot.departed) == (link, event, at);
        if let Some(dot) = self.shown.last_mut().filter(left) {
            dot.lost = true;
        }
    }

    /// The dots to show, at most the budget, each link's in the order in which they left.
    pub(super) fn look(&mut self, now: SimTime) -> Vec<Dot> {
        let stays = self.stays;
        self.shown.retain(|dot| dot.arrives > now || dot.departed + stays > now);
        self.keep_fair_shares();
        self.set_strides(now);
        self.left = BUDGET;
        self.looked_at = now;
        self.shown.clone()
    }

    /// Thins out links that have more than their share, evenly over their length.
    fn keep_fair_shares(&mut self) {
        if self.shown.len() <= BUDGET {
            return;
        }
        let mut counts = vec![0_usize; self.links.len()];
        for dot in &self.shown {
            counts[dot.link.index()] += 1;
        }
        let limit = fair_limit(counts.iter().copied().filter(|count| *count > 0).collect());
        let mut passed = vec![0_usize; self.links.len()];
        self.shown.retain(|dot| {
            let (count, nth) = (counts[dot.link.index()], &mut passed[dot.link.index()]);
            *nth += 1;
            // Of `count` dots those stay at which another whole `limit`-th of them is full.
            count <= limit || *nth * limit / count != (*nth - 1) * limit / count
        });
        self.shown.truncate(BUDGET);
    }

    /// Sets how many events each link lets pass, so that what it takes while a dot is seen comes to its share.
    fn set_strides(&mut self, now: SimTime) {
        let passed = now.since(self.looked_at).as_nanos().max(1) as f64;
        let busy = self.links.iter().filter(|link| link.taken > 0).count().max(1);
        let share = (BUDGET / busy).max(1) as f64;
        let mut seen_for = vec![0; self.links.len()];
        for dot in &self.shown {
            let on_its_way = dot.arrives.since(dot.departed).max(self.stays).as_nanos();
            seen_for[dot.link.index()] = on_its_way.max(seen_for[dot.link.index()]);
        }
        for ((link, skip), seen_for) in self.links.iter_mut().zip(&mut self.skips).zip(seen_for) {
            // Of most links of a large flow nothing was taken since the last look.
            if (link.taken, link.stride) == (0, 0) {
                continue;
            }
            // What it sent since the last look, as far as it was seen; then how many of its dots would be seen at once.
            let sent = f64::from(link.taken) * (f64::from(link.stride) + 1.0);
            let at_once = sent * seen_for as f64 / passed;
            link.stride = (at_once / share).min(f64::from(LONGEST_STRIDE)) as u16;
            *skip = (*skip).min(link.stride);
            link.taken = 0;
        }
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
    use crate::model::NodeIx;
    use crate::run::view::Leg;

    use super::*;

    fn dot(link: u32, number: u64, departed: u64) -> Dot {
        let (departed, arrives) = (SimTime::from_nanos(departed), SimTime::from_nanos(departed + 1_000_000));
        let event = EventId::new(NodeIx(0), number);
        Dot { link: LinkIx(link), event, kind: 0, departed, arrives, attempt: 1, leg: Leg::Publish, lost: false }
    }

    #[test]
    fn a_rare_link_moves_beside_a_busy_one() {
        let mut dots = Dots::new();
        dots.resize(2);
        let mut shown = Vec::new();
        // A busy link sends every 10 ns, a rare one once a look; a dot is on its way for 1 ms, a look is 0.2 ms.
        for look in 1..=20_u64 {
            for number in 0..20_000 {
                dots.sent(dot(0, number, (look - 1) * 200_000 + number * 10));
            }
            dots.sent(dot(1, look, look * 200_000 - 10));
            shown = dots.look(SimTime::from_nanos(look * 200_000));
            assert!(shown.len() <= BUDGET, "{}", shown.len());
        }
        let rare = shown.iter().filter(|dot| dot.link == LinkIx(1)).count();
        assert_eq!(rare, 5, "each of the last millisecond's");
        let busy: Vec<_> = shown.iter().filter(|dot| dot.link == LinkIx(0)).collect();
        assert!(busy.len() > BUDGET / 4, "{}", busy.len());
        // Spread over the whole link, not bunched at its beginning.
        for fifth in 0..5 {
            let from = SimTime::from_nanos(3_000_000 + fifth * 200_000);
            let to = from + SimDuration::from_nanos(200_000);
            let within = busy.iter().filter(|dot| dot.departed >= from && dot.departed < to).count();
            assert!(within > busy.len() / 10, "fifth {fifth}: {within} of {}", busy.len());
        }
    }

    #[test]
    fn arrived_dots_stay_until_they_were_seen() {
        let mut dots = Dots::new();
        dots.resize(1);
        dots.set_stays(SimDuration::from_millis(350));
        dots.sent(dot(0, 0, 0));
        assert_eq!(dots.look(SimTime::from_nanos(300_000_000)).len(), 1);
        assert_eq!(dots.look(SimTime::from_nanos(350_000_000)).len(), 0);
    }
}
