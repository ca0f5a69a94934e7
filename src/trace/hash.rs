//! A fingerprint of everything that happened, in order.

use super::observer::Observer;
use super::record::{Record, What};
use super::ways::KeyRef;
use crate::model::{LinkIx, NodeIx, SimTime};

/// A 64-bit hash over the canonical form of every record, in order: two runs agree in it only if they went the same way.
///
/// The canonical form of a record is a row of little-endian 64-bit words: its number in the list of [`What`], its instant,
/// then its fields in the order in which they are declared. Data are left out: they follow from the rest.
#[derive(Clone, Debug)]
pub struct TraceHash {
    state: u64,
    records: u64,
}

impl Default for TraceHash {
    fn default() -> Self {
        Self { state: 0x6576_656e_746c_6f6f, records: 0 }
    }
}

impl TraceHash {
    /// The hash so far.
    pub const fn value(&self) -> u64 {
        // The last words have to reach every bit too.
        let mut x = self.state ^ self.records;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// How many records there were.
    pub const fn records(&self) -> u64 {
        self.records
    }

    #[inline]
    fn words<const N: usize>(&mut self, words: [u64; N]) {
        for word in words {
            self.state = (self.state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }

    fn key(&mut self, key: KeyRef<'_>) {
        match key {
            KeyRef::None => self.words([0]),
            KeyRef::Number(number) => self.words([1, number.into()]),
            KeyRef::Text(text) => {
                self.words([2, text.len() as u64]);
                for chunk in text.as_bytes().chunks(8) {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    self.words([u64::from_le_bytes(word)]);
                }
            }
        }
    }
}

/// An optional handle: what is missing is a word that no handle has.
fn link_word(link: Option<LinkIx>) -> u64 {
    link.map_or(u64::MAX, |link| link.0.into())
}

fn node_word(node: Option<NodeIx>) -> u64 {
    node.map_or(u64::MAX, |node| node.0.into())
}

impl Observer for TraceHash {
    #[inline]
    fn record(&mut self, record: Record<'_>) {
        self.records += 1;
        let at = record.at.as_nanos();
        match record.what {
            What::Emitted { event, kind, cause, born, hops, key, data: _ } => {
                let cause = cause.map_or(u64::MAX, |cause| cause.to_bits());
                self.words([0, at, event.to_bits(), kind.0.into(), cause, born.as_nanos(), hops.into()]);
                self.key(key);
            }
            What::Sent { link, event, kind, leg, attempt, arrives } => {
                let (link, kind) = (link.0.into(), kind.0.into());
                self.words([1, at, link, event.to_bits(), kind, leg as u64, attempt.into(), arrives.as_nanos()]);
            }
            What::Accepted { link, node, event, kind, topic, partition, offset } => {
                let (link, node) = (link.0.into(), node.0.into());
                let (topic, partition) = (topic.0.into(), partition.into());
                self.words([2, at, link, node, event.to_bits(), kind.0.into(), topic, partition, offset]);
            }
            What::Rejected { link, node, event, kind, reason } => {
                self.words([3, at, link.0.into(), node.0.into(), event.to_bits(), kind.0.into(), reason as u64]);
            }
            What::Opened { sub, event, kind, topic, partition, offset, link } => {
                let topic = topic.map_or(u64::MAX, |topic| topic.0.into());
                let (sub, kind, link) = (sub.0.into(), kind.0.into(), link_word(link));
                self.words([4, at, sub, event.to_bits(), kind, topic, partition.into(), offset, link]);
            }
            What::Delivered { sub, event, node, attempt } => {
                self.words([5, at, sub.0.into(), event.to_bits(), node.0.into(), attempt.into()]);
            }
            What::Received { node, link, sub, event, kind, attempt } => {
                let (node, sub) = (node.0.into(), sub.0.into());
                self.words([6, at, node, link_word(link), sub, event.to_bits(), kind.0.into(), attempt.into()]);
            }
            What::Started { node, sub, event, kind, attempt, wait } => {
                let (node, sub, kind) = (node.0.into(), sub.0.into(), kind.0.into());
                self.words([7, at, node, sub, event.to_bits(), kind, attempt.into(), wait.as_nanos()]);
            }
            What::Handled { node, sub, event, kind, attempt, service, end_to_end } => {
                let (node, sub, kind) = (node.0.into(), sub.0.into(), kind.0.into());
                let (service, end_to_end) = (service.as_nanos(), end_to_end.as_nanos());
                self.words([8, at, node, sub, event.to_bits(), kind, attempt.into(), service, end_to_end]);
            }
            What::Failed { node, sub, event, kind, attempt, reason, service, lost } => {
                let (node, sub, kind) = (node.0.into(), sub.0.into(), kind.0.into());
                self.words([9, at, node, sub, event.to_bits(), kind, attempt.into(), reason as u64]);
                self.words([service.as_nanos(), lost.into()]);
            }
            What::Throttled { node, sub, event, attempt } => {
                self.words([10, at, node.0.into(), sub.0.into(), event.to_bits(), attempt.into()]);
            }
            What::Acked { sub, event, node, auto, from } => {
                self.words([11, at, sub.0.into(), event.to_bits(), node.0.into(), auto.into(), from as u64]);
            }
            What::Stale { sub, event, node, why } => {
                self.words([12, at, sub.0.into(), event.to_bits(), node.0.into(), why as u64]);
            }
            What::Retrying { sub, event, attempt, reason, due } => {
                let (sub, attempt) = (sub.0.into(), attempt.into());
                self.words([13, at, sub, event.to_bits(), attempt, reason as u64, due.as_nanos()]);
            }
            What::Queued { sub, event, taken_back } => {
                self.words([14, at, sub.0.into(), event.to_bits(), taken_back.into()]);
            }
            What::Dropped { sub, event, node, reason, attempts, from } => {
                let (sub, node, attempts) = (sub.0.into(), node.0.into(), attempts.into());
                self.words([15, at, sub, event.to_bits(), node, reason as u64, attempts, from as u64]);
            }
            What::DeadLettered { sub, event, node, reason, attempts, from, to } => {
                let (sub, node, attempts) = (sub.0.into(), node.0.into(), attempts.into());
                self.words([16, at, sub, event.to_bits(), node, reason as u64, attempts, from as u64, to.0.into()]);
            }
            What::Buried { node, link, event, kind, reason } => {
                self.words([17, at, node.0.into(), link.0.into(), event.to_bits(), kind.0.into(), reason as u64]);
            }
            What::Forgotten { node, event } => self.words([18, at, node.0.into(), event.to_bits()]),
            What::Evicted { sub, event, node, from } => {
                self.words([19, at, sub.0.into(), event.to_bits(), node.0.into(), from as u64]);
            }
            What::OutOfRange { sub, topic, partition, skipped } => {
                self.words([20, at, sub.0.into(), topic.0.into(), partition.into(), skipped]);
            }
            What::Purged { sub, event, from } => self.words([21, at, sub.0.into(), event.to_bits(), from as u64]),
            What::Blocked { node, sub, event } => self.words([22, at, node.0.into(), sub.0.into(), event.to_bits()]),
            What::Unblocked { node, sub, event } => {
                self.words([23, at, node.0.into(), sub.0.into(), event.to_bits()]);
            }
            What::Deadlocked { node, waits_for, sub } => {
                self.words([24, at, node.0.into(), waits_for.0.into(), sub.0.into()]);
            }
            What::InstanceStarted { node, cold, ready, instances } => {
                self.words([25, at, node.0.into(), cold.into(), ready.as_nanos(), instances.into()]);
            }
            What::InstanceReclaimed { node, instances } => self.words([26, at, node.0.into(), instances.into()]),
            What::Rebalanced { sub, generation, members } => {
                self.words([27, at, sub.0.into(), generation.into(), members.into()]);
            }
            What::Assigned { sub, topic, partition, owner, generation } => {
                let (sub, topic) = (sub.0.into(), topic.0.into());
                self.words([28, at, sub, topic, partition.into(), node_word(owner), generation.into()]);
            }
            What::Broken { node, event } => self.words([29, at, node.0.into(), event.to_bits()]),
            What::Edited { revision } => self.words([30, at, revision.into()]),
            What::SourceEnded { node } => self.words([31, at, node.0.into()]),
            What::Draining => self.words([32, at]),
            What::FaultBegan { fault, kind, node, link } => {
                self.words([60, at, fault.0.into(), kind as u64, node_word(node), link_word(link)]);
            }
            What::FaultEnded { fault } => self.words([61, at, fault.0.into()]),
            What::LinkLost { fault, link, event, kind, leg } => {
                self.words([62, at, fault.0.into(), link.0.into(), event.to_bits(), kind.0.into(), leg as u64]);
            }
            What::Duplicated { fault, link, event, kind, leg } => {
                self.words([63, at, fault.0.into(), link.0.into(), event.to_bits(), kind.0.into(), leg as u64]);
            }
            What::HeldUp { fault, link, event, kind, leg, by } => {
                let (fault, link, kind) = (fault.0.into(), link.0.into(), kind.0.into());
                self.words([64, at, fault, link, event.to_bits(), kind, leg as u64, by.as_nanos()]);
            }
            What::LostInCrash { fault, node, link, sub, event, attempt, stage, service, lost } => {
                let (fault, node, sub) = (fault.0.into(), node.0.into(), sub.0.into());
                self.words([65, at, fault, node, link_word(link), sub, event.to_bits(), attempt.into()]);
                self.words([stage as u64, service.as_nanos(), lost.into()]);
            }
            What::TurnedAway { fault, node, event } => {
                self.words([66, at, fault.0.into(), node.0.into(), event.to_bits()]);
            }
            What::Slowed { fault, node, event, by } => {
                self.words([67, at, fault.0.into(), node.0.into(), event.to_bits(), by.as_nanos()]);
            }
            What::Skewed { fault, node, event, time } => {
                self.words([68, at, fault.0.into(), node.0.into(), event.to_bits(), time.as_nanos()]);
            }
            What::Kept { node, event, what } => {
                let event = event.map_or(u64::MAX, |event| event.to_bits());
                self.words([110, at, node.0.into(), event]);
                self.words(what.words());
                if let Some(key) = what.key() {
                    self.key(key);
                }
            }
            What::Postponed { sub, event, due } => {
                self.words([80, at, sub.0.into(), event.to_bits(), due.as_nanos()]);
            }
            What::Expired { sub, event, node, attempts, from, to } => {
                let (sub, node, attempts) = (sub.0.into(), node.0.into(), attempts.into());
                self.words([81, at, sub, event.to_bits(), node, attempts, from as u64, node_word(to)]);
            }
            What::OrderGap { sub, event } => self.words([82, at, sub.0.into(), event.to_bits()]),
            What::Recognised { node, sub, event, kind, attempt, service } => {
                let (node, sub, kind) = (node.0.into(), sub.0.into(), kind.0.into());
                self.words([83, at, node, sub, event.to_bits(), kind, attempt.into(), service.as_nanos()]);
            }
            What::Deduped { link, node, event, kind, topic, partition, offset, of } => {
                let (link, node, topic) = (link.0.into(), node.0.into(), topic.0.into());
                self.words([84, at, link, node, event.to_bits(), kind.0.into(), topic, partition.into()]);
                self.words([offset, of.to_bits()]);
            }
            What::Removed { node, event, kind, topic, partition, offset, why } => {
                let (node, kind, topic) = (node.0.into(), kind.0.into(), topic.0.into());
                self.words([85, at, node, event.to_bits(), kind, topic, partition.into(), offset, why as u64]);
            }
            What::Sought { sub, topic, partition, offset } => {
                self.words([86, at, sub.0.into(), topic.0.into(), partition.into(), offset]);
            }
            What::Replayed { sub, event, kind, topic, partition, offset } => {
                let (sub, kind, topic) = (sub.0.into(), kind.0.into(), topic.0.into());
                self.words([87, at, sub, event.to_bits(), kind, topic, partition.into(), offset]);
            }
            What::Muted { node, sub, event } => {
                self.words([88, at, node.0.into(), sub.0.into(), event.to_bits()]);
            }
            What::Limited { sub, event, node, attempt } => {
                self.words([90, at, sub.0.into(), event.to_bits(), node.0.into(), attempt.into()]);
            }
            What::BreakerTurned { sub, link, circuit } => {
                self.words([91, at, sub.0.into(), link_word(link), circuit as u64]);
            }
            What::HeldBack { sub, event, due } => {
                self.words([92, at, sub.0.into(), event.to_bits(), due.as_nanos()]);
            }
            What::Cancelled { node, sub, event, attempt } => {
                self.words([93, at, node.0.into(), sub.0.into(), event.to_bits(), attempt.into()]);
            }
            What::CallFailed { node, link, event, kind, attempt, reason, due } => {
                let due = due.map_or(u64::MAX, SimTime::as_nanos);
                self.words([94, at, node.0.into(), link.0.into(), event.to_bits(), kind.0.into()]);
                self.words([attempt.into(), reason as u64, due]);
            }
            What::Requested { node, event, deadline } => {
                self.words([95, at, node.0.into(), event.to_bits(), deadline.as_nanos()]);
            }
            What::Replied { node, event, reply, round_trip } => {
                let (node, round_trip) = (node.0.into(), round_trip.as_nanos());
                self.words([96, at, node, event.to_bits(), reply.to_bits(), round_trip]);
            }
            What::Unanswered { node, event, why } => {
                self.words([97, at, node.0.into(), event.to_bits(), why as u64]);
            }
            What::Orphaned { node, event, request } => {
                let request = request.map_or(u64::MAX, |request| request.to_bits());
                self.words([98, at, node.0.into(), event.to_bits(), request]);
            }
            What::WatermarkAdvanced { node, to_nanos } => {
                self.words([100, at, node.0.into(), to_nanos.cast_unsigned()]);
            }
            What::Gathered { node, event, time_nanos, places, late } => {
                let (node, time) = (node.0.into(), time_nanos.cast_unsigned());
                self.words([101, at, node, event.to_bits(), time, places.into(), late.into()]);
            }
            What::Late { node, event, time_nanos, watermark_nanos } => {
                let (time, watermark) = (time_nanos.cast_unsigned(), watermark_nanos.cast_unsigned());
                self.words([102, at, node.0.into(), event.to_bits(), time, watermark]);
            }
            What::HeldAlready { node, event } => self.words([103, at, node.0.into(), event.to_bits()]),
            What::WindowClosed { node, event, start_nanos, end_nanos, count, revision } => {
                let (start, end) = (start_nanos.cast_unsigned(), end_nanos.cast_unsigned());
                self.words([104, at, node.0.into(), event.to_bits(), start, end, count, revision.into()]);
            }
            What::Joined { node, event, left, right } => {
                self.words([105, at, node.0.into(), event.to_bits(), left.to_bits(), right.to_bits()]);
            }
            What::StateLost { fault, node, windows, waiting } => {
                let fault = fault.map_or(u64::MAX, |fault| fault.0.into());
                self.words([106, at, fault, node.0.into(), windows, waiting]);
            }
            What::Unconfirmed { link, node, event, kind } => {
                self.words([33, at, link.0.into(), node.0.into(), event.to_bits(), kind.0.into()]);
            }
        }
    }
}
