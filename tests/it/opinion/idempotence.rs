//! S3: what a group has handled within its window has no other effect, however often it comes.

use eventloom::model::{EventId, NodeIx, SubIx};

use super::naive::{Naive, Verdict, Visit};

impl Naive {
    /// Whether a delivery is of an event whose effect is there.
    pub(super) fn has_had_effect(&self, visit: &Visit) -> bool {
        let remembers = self.rules.subs.get(&visit.sub).is_some_and(|sub| sub.settings.idempotent.is_some());
        let until = self.effects.get(&(visit.sub, visit.event));
        remembers && !visit.is_call && until.is_some_and(|until| self.now < *until)
    }

    /// An event has had its effect.
    pub(super) fn has_effect(&mut self, visit: &Visit) {
        let window = self.rules.subs.get(&visit.sub).and_then(|sub| sub.settings.idempotent);
        if let Some(window) = window.filter(|_| !visit.is_call) {
            self.effects.insert((visit.sub, visit.event), self.now + window);
        }
    }

    pub(super) fn recognised(
        &mut self,
        node: NodeIx,
        sub: SubIx,
        event: EventId,
        attempt: u32,
        service: u64,
    ) -> Verdict {
        self.finished(node, sub, event, attempt, service, super::handling::End::Known)?;
        self.saw(if service == 0 { "recognised" } else { "recognised at its end" });
        Ok(())
    }
}
