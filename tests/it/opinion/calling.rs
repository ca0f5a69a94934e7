//! S36: what becomes of calls that a link loses: whoever calls knows when they would have to be there, and makes them again
//! as often as it may; of those that it gives up an obligation is born, and ends.

use eventloom::model::{EventId, LinkIx, NodeIx, SimTime, SubIx};
use eventloom::trace::Reason;

use super::ensure;
use super::naive::{Due, Naive, Verdict};
use super::rules::can_wait;

impl Naive {
    fn failures(&self, link: LinkIx, event: EventId) -> u32 {
        self.unsent.get(&(link, event)).copied().unwrap_or_default()
    }

    /// A call never comes to its callee.
    pub(super) fn call_never_comes(&mut self, link: LinkIx, event: EventId, arrives: SimTime) {
        let patience = self.rules.call(link).and_then(|(call, _)| call.timeout);
        let known = patience.map_or(arrives, |patience| arrives + patience);
        self.due.push((known, Due::CallLost(link, event)));
    }

    /// A caller is gone, or edited away: calls of its that are lost, and those that wait to be made again.
    pub(super) fn caller_crashes(&mut self, node: NodeIx) {
        let links = &self.rules.links;
        let lost = self.due.extract_if(.., |(_, due)| match due {
            Due::CallLost(link, _) | Due::Resend(link, _) => links[link].from == node,
            _ => false,
        });
        let lost: Vec<(LinkIx, EventId)> = lost
            .filter_map(|(_, due)| match due {
                Due::CallLost(link, event) | Due::Resend(link, event) => Some((link, event)),
                _ => None,
            })
            .collect();
        for (link, event) in lost {
            self.expect(0, Due::GiveUpCall(link, event));
        }
    }

    pub(super) fn call_failed(
        &mut self,
        node: NodeIx,
        link: LinkIx,
        event: EventId,
        attempt: u32,
        reason: Reason,
        due: Option<SimTime>,
    ) -> Verdict {
        ensure!(self.rules.link(link).from == node, "S36: another one's call");
        let made = self.failures(link, event) + u32::from(reason == Reason::Unreachable);
        ensure!(attempt == made, "S36: attempt {attempt} of a call failed, but {made} have");
        let is_given_up = match reason {
            Reason::Unreachable => {
                self.meet(&Due::CallLost(link, event)).map_err(|wrong| format!("S36: no call is lost: {wrong}"))?;
                self.unsent.insert((link, event), made);
                let call = self.rules.call(link).map(|(call, _)| call);
                let is_last = made >= call.map_or(1, |call| call.deliveries);
                if let Some((call, due)) = call.zip(due) {
                    let wait = due.since(self.now).as_nanos();
                    let fits = can_wait(&call.backoff, made, wait);
                    ensure!(fits, "S23: the call waits {wait} ns, which is none of {:?}", call.backoff);
                    self.due.push((due, Due::Resend(link, event)));
                    self.saw("called anew");
                }
                is_last
            }
            Reason::NoDestination => {
                ensure!(!self.rules.is_link_drawn(link), "S36: there is a way to call it again");
                self.meet(&Due::Resend(link, event)).map_err(|wrong| format!("S36: {wrong}"))?;
                true
            }
            Reason::Down => {
                self.meet(&Due::GiveUpCall(link, event)).map_err(|wrong| format!("S36: {wrong}"))?;
                true
            }
            other => return Err(format!("a call fails on its way for {other:?}")),
        };
        ensure!(is_given_up == due.is_none(), "S36: after attempt {made} of a call it is due {due:?}");
        if is_given_up {
            let inbox = self.rules.callees[&link];
            self.expect(0, Due::OpenUnsent(inbox, link, event, reason));
            self.saw("call given up on its way");
        }
        Ok(())
    }

    /// An obligation is born of a call that never came, and ends. Whether it is one.
    pub(super) fn opened_unsent(&mut self, sub: SubIx, event: EventId) -> bool {
        let is_it = |due: &Due| match due {
            Due::OpenUnsent(inbox, link, one, reason) if (*inbox, *one) == (sub, event) => Some((*link, *reason)),
            _ => None,
        };
        let Some((link, reason)) = self.meet_first(is_it) else { return false };
        let debt = self.owe(sub, event, None, Some(link));
        self.expect(0, Due::End(debt, reason));
        true
    }

    /// A call leaves once more.
    pub(super) fn is_made_again(&mut self, link: LinkIx, event: EventId, attempt: u32) -> bool {
        attempt == self.failures(link, event) + 1 && self.meet(&Due::Resend(link, event)).is_ok()
    }

    /// How often a call failed before it came to its callee: each of those was an attempt.
    pub(super) fn failed_before(&self, link: Option<LinkIx>, event: EventId) -> u32 {
        link.map_or(0, |link| self.failures(link, event))
    }
}
