//! What is expected of a run, from names to handles and back: questions for the judge, and its answers in words.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::kernel::Kernel;
use crate::model::{
    EventId, EventTypeIx, Expectation, ExpectationName, Expression, Flow, LinkId, LinkIx, NodeId, Scope, SimDuration,
    SimTime, SubIx,
};
use crate::plan::{Condition, Plan, Witnessed};
use crate::trace::{
    Breach, Judge, KeyRef, Measured, Observer, Outcome, Question, Reach, Record, Seen, Shape, Verdict, When, Wrong,
};

use super::look::event_text;

/// How an expectation stands, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictLine {
    /// Its name.
    pub name: ExpectationName,
    /// Yes, no, or not yet.
    pub standing: Standing,
    /// What was judged, or what was wrong first, in a sentence without its full stop.
    pub what: String,
    /// When it was wrong first.
    pub at: Option<SimTime>,
    /// The event that it was about, as people write it.
    pub event: Option<String>,
    /// The same as a handle, for whoever wants to see its card.
    pub handle: Option<EventId>,
    /// Where it was: a node's id, or a link's.
    pub place: Option<String>,
}

/// Yes, no, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// As expected.
    Kept,
    /// Nothing has happened yet that could be judged, or not enough.
    Open,
    /// Not as expected.
    Broken,
}

/// The expectations of a flow, held against a run of it.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    plan: Arc<Plan>,
    expectations: Vec<(ExpectationName, Expectation)>,
    judge: Judge,
    needs_data: bool,
}

impl Expected {
    /// What a flow expects of a run of this plan, from here on.
    pub(crate) fn new(flow: &Flow, plan: &Arc<Plan>) -> Self {
        let mut expected =
            Self { plan: Arc::clone(plan), expectations: Vec::new(), judge: Judge::default(), needs_data: false };
        expected.follow(flow, plan);
        expected
    }

    /// Goes on with an edited flow: what was expected before is judged on, what is new from here on.
    pub(crate) fn follow(&mut self, flow: &Flow, plan: &Arc<Plan>) {
        self.plan = Arc::clone(plan);
        let before = std::mem::take(&mut self.expectations);
        let mut questions = Vec::new();
        for (name, expectation) in flow.expectations() {
            // One that names what is not drawn cannot be asked; the check says so.
            let Some(question) = question(flow, plan, expectation) else { continue };
            let kept = before.iter().position(|(_, known)| known == expectation);
            questions.push((question, kept));
            self.expectations.push((name.clone(), expectation.clone()));
        }
        self.judge.ask_again(questions);
        let looks = |(_, expectation): &(_, Expectation)| {
            expectation.when().and_then(Condition::compile).is_some_and(|condition| condition.needs_data())
        };
        self.needs_data = self.expectations.iter().any(looks);
    }

    /// Whether nothing is expected.
    pub(crate) const fn is_idle(&self) -> bool {
        self.judge.is_idle()
    }

    /// Whether the run must have the data of all events at hand.
    pub(crate) const fn needs_data(&self) -> bool {
        self.needs_data
    }

    /// How all of them stand now.
    pub(crate) fn so_far(&self) -> Vec<VerdictLine> {
        self.lines(&self.judge.verdicts(), false)
    }

    /// How all of them stand when a run has ended.
    pub(crate) fn finish(&mut self, kernel: &Kernel, is_over: bool) -> Vec<VerdictLine> {
        let verdicts = self.judge.finish(kernel.now(), is_over, &kernel.ledger());
        self.lines(&verdicts, true)
    }

    fn lines(&self, verdicts: &[Verdict], is_end: bool) -> Vec<VerdictLine> {
        let line = |((name, expectation), verdict): (&(ExpectationName, Expectation), &Verdict)| {
            let (standing, breach) = match verdict.outcome {
                Outcome::Kept => (Standing::Kept, None),
                Outcome::Open => (Standing::Open, None),
                Outcome::Broken(breach) => (Standing::Broken, Some(breach)),
            };
            let what = match &breach {
                None => kept_words(expectation, verdict, is_end),
                Some(breach) => self.breach_words(expectation, breach, verdict),
            };
            VerdictLine {
                name: name.clone(),
                standing,
                what,
                at: breach.map(|breach| breach.at),
                event: breach.and_then(|breach| breach.event).map(|event| event_text(&self.plan, event)),
                handle: breach.and_then(|breach| breach.event),
                place: breach.and_then(|breach| self.place(&breach)),
            }
        };
        self.expectations.iter().zip(verdicts).map(line).collect()
    }

    fn place(&self, breach: &Breach) -> Option<String> {
        match (breach.node, breach.link) {
            (Some(node), _) => Some(self.plan.node_id(node).to_string()),
            (None, Some(link)) => Some(self.plan.link_id(link).to_string()),
            (None, None) => None,
        }
    }

    /// What was wrong first, and how often it was.
    fn breach_words(&self, expectation: &Expectation, breach: &Breach, verdict: &Verdict) -> String {
        let event = breach.event.map(|event| event_text(&self.plan, event)).unwrap_or_default();
        let mut words = match breach.wrong {
            Wrong::Lost(reason) => format!("{event} was lost: {}", reason.name()),
            Wrong::LostInHandler => format!("{event} was lost by its handler, settled at hand-over"),
            Wrong::LostOnLink => format!("{event} was lost on its way"),
            Wrong::Forgotten => format!("{event} was forgotten by a full dead-letter queue"),
            Wrong::LostUnseen(count) => format!("the ledger has {count} more losses than the trace"),
            Wrong::OvertakenBy(other) => {
                format!("{event} was handled after {}, which was published later", event_text(&self.plan, other))
            }
            Wrong::Again => format!("{event} was handled once more"),
            Wrong::TooMany(count) => match expectation {
                Expectation::Count { of, at_most: Some(most), .. } => {
                    format!("{event} was {} as number {count}, where at most {most} may be", of.word())
                }
                Expectation::DeadLetters { at_most, .. } => {
                    format!("{event} is dead letter number {count}, where at most {at_most} may be")
                }
                _ => format!("{event} is number {count}"),
            },
            Wrong::TooFew(count) => match expectation {
                Expectation::Count { of, at_least, .. } => {
                    format!("{count} were {}, where at least {at_least} have to be", of.word())
                }
                _ => format!("there were {count}"),
            },
            Wrong::Late(taken) => match (expectation, verdict.measured) {
                (Expectation::Latency { share, within, .. }, Some(Measured::Latency { may_be_late, .. })) => {
                    let may = match may_be_late {
                        0 => "none may".to_owned(),
                        count => format!("{} allows {}", percentile(share.as_f64()), grouped(count)),
                    };
                    let (late, judged) = (grouped(verdict.breaches), grouped(verdict.judged));
                    let first = format!("first {event}, {}", rounded(taken));
                    return format!("{late} of {judged} journeys took longer than {within}, {may}; {first}");
                }
                _ => format!("{event} took {taken}"),
            },
            Wrong::NotFollowed => match expectation {
                Expectation::Follows { by, within, .. } => format!("{event} was not followed by {by} within {within}"),
                _ => format!("{event} was not followed"),
            },
            Wrong::Behind(open) => match expectation {
                Expectation::Lag { at_most, .. } => {
                    format!("{open} were open when {event} came, where at most {at_most} may be")
                }
                _ => format!("{open} were open"),
            },
        };
        // A write to a string cannot fail.
        if verdict.breaches > 1 && !matches!(breach.wrong, Wrong::TooMany(_)) {
            write!(words, "; {} in all", grouped(verdict.breaches)).ok();
        }
        words
    }
}

impl Observer for Expected {
    #[inline]
    fn record(&mut self, record: Record<'_>) {
        if !self.is_idle() {
            self.judge.record(record);
        }
    }

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.judge.reshape(shape, at);
    }
}

/// What was judged, and what was not.
fn kept_words(expectation: &Expectation, verdict: &Verdict, is_end: bool) -> String {
    let Verdict { outcome, judged, breaches: _, unjudged, measured } = verdict;
    let mut words = match (outcome, expectation, measured) {
        (Outcome::Open, Expectation::Count { of, at_least, at_most, .. }, Some(Measured::Count(count))) => {
            let bound = match (at_least, at_most) {
                (0, Some(most)) => format!("at most {most}"),
                _ => format!("at least {at_least}"),
            };
            format!("{} {} so far, of {bound}", grouped(*count), of.word())
        }
        (Outcome::Open, ..) if is_end => "nothing happened that it could judge".to_owned(),
        (Outcome::Open, ..) => "nothing to judge yet".to_owned(),
        (_, Expectation::Latency { share, .. }, Some(Measured::Latency { measured, .. })) => {
            let share = percentile(share.as_f64());
            format!("{share} is {}, of {} journeys", rounded(*measured), grouped(*judged))
        }
        (_, Expectation::Lag { .. }, Some(Measured::Most(most))) => format!("never more than {}", grouped(*most)),
        (_, Expectation::Count { of, .. }, Some(Measured::Count(count))) => {
            format!("{} {}", grouped(*count), of.word())
        }
        (_, Expectation::DeadLetters { .. }, Some(Measured::Count(count))) => match count {
            0 => "none".to_owned(),
            count => format!("{} of them", grouped(*count)),
        },
        (_, _, _) => format!("{} judged", grouped(*judged)),
    };
    if *unjudged > 0 {
        write!(words, ", {} under way and not judged", grouped(*unjudged)).ok();
    }
    words
}

/// `p99`, `p99.9`; of all of them the longest.
fn percentile(share: f64) -> String {
    if share >= 1.0 {
        return "the longest".to_owned();
    }
    let text = format!("{:.4}", share * 100.0);
    format!("p{}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// To three digits: the histogram has no more.
fn rounded(time: SimDuration) -> SimDuration {
    let nanos = time.as_nanos();
    let unit = 10_u64.pow(nanos.checked_ilog10().unwrap_or(0).saturating_sub(2));
    SimDuration::from_nanos(nanos.div_ceil(unit) * unit)
}

fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

// ---- questions ------------------------------------------------------------------------------------------------------

/// An expectation in the handles of a plan; `None` if it names what is not drawn.
fn question(flow: &Flow, plan: &Arc<Plan>, expectation: &Expectation) -> Option<Question> {
    let node = |id: &NodeId| plan.node_ix(id);
    Some(match expectation {
        Expectation::NothingLost { at } => Question::NothingLost(reach(flow, plan, at.as_ref())?),
        Expectation::InOrder { at } => Question::InOrder(reach(flow, plan, at.as_ref())?),
        Expectation::Once { at } => Question::Once(reach(flow, plan, at.as_ref())?),
        Expectation::DeadLetters { at, at_most } => {
            let at = match at {
                Some(id) => Some(node(id)?),
                None => None,
            };
            Question::DeadLetters { at, at_most: *at_most }
        }
        Expectation::Latency { from, to, share, within } => {
            Question::Latency { from: node(from)?, to: node(to)?, share: *share, within: *within }
        }
        Expectation::Follows { every, by, within, same_key, when } => Question::Follows {
            every: plan.event_ix(every)?,
            // What nobody ever emits never follows.
            by: plan.event_ix(by).unwrap_or(EventTypeIx(u32::MAX)),
            within: *within,
            same_key: *same_key,
            when: test(plan, when.as_ref()),
        },
        Expectation::Lag { of, at_most } => {
            let of = sub_of(plan, plan.link_ix(of)?)?;
            Question::Lag { of, at_most: *at_most }
        }
        Expectation::Count { at, of, event, when, at_least, at_most } => Question::Count {
            at: node(at)?,
            of: *of,
            event: event.as_ref().map(|name| plan.event_ix(name).unwrap_or(EventTypeIx(u32::MAX))),
            when: test(plan, when.as_ref()),
            at_least: *at_least,
            at_most: *at_most,
        },
    })
}

fn test(plan: &Arc<Plan>, when: Option<&Expression>) -> Option<When> {
    let condition = when.and_then(Condition::compile)?;
    let plan = Arc::clone(plan);
    Some(When::new(move |seen: &Seen<'_>| {
        let Seen { event, kind, at, hops, key, data } = *seen;
        let key = if key == KeyRef::None { String::new() } else { key.to_string() };
        condition.holds(&Witnessed {
            id: &event_text(&plan, event),
            source: plan.node_id(event.origin()).as_str(),
            kind: plan.event_name(kind).as_str(),
            time_nanos: at.as_nanos(),
            key: &key,
            hops,
            number: event.number(),
            data,
        })
    }))
}

/// The subscription or inbox that a link feeds.
fn sub_of(plan: &Plan, link: LinkIx) -> Option<SubIx> {
    let (_, to) = plan.link_ends(link);
    let feeds = |sub: &SubIx| {
        plan.is_sub_alive(*sub)
            && (plan.sub_members(*sub).any(|(_, of)| of == link) || plan.is_inbox(*sub) && plan.sub_node(*sub) == to)
    };
    subs(plan).find(feeds)
}

fn subs(plan: &Plan) -> impl Iterator<Item = SubIx> {
    (0..plan.sub_count() as u32).map(SubIx)
}

fn reach(flow: &Flow, plan: &Plan, at: Option<&Scope>) -> Option<Reach> {
    let mut reach = Reach { everything: at.is_none(), ..Reach::default() };
    match at {
        None => {}
        Some(Scope::Link(id)) => {
            let link = plan.link_ix(id)?;
            reach.links.push(link);
            let is_publish = flow.link(id).is_some_and(|link| matches!(link.kind, crate::model::LinkKind::Publish(_)));
            reach.subs.extend(sub_of(plan, link).filter(|_| !is_publish));
        }
        Some(Scope::Node(id)) => {
            let node = plan.node_ix(id)?;
            let tag = plan.node_kind(node);
            let is_source = !tag.subscribes() && tag.publishes();
            let links = (0..plan.link_count() as u32).map(LinkIx);
            reach.links.extend(links.filter(|link| {
                let (from, to) = plan.link_ends(*link);
                to == node || is_source && from == node
            }));
            let owes = |sub: &SubIx| plan.sub_node(*sub) == node || plan.sub_members(*sub).any(|(of, _)| of == node);
            reach.subs.extend(subs(plan).filter(owes));
            reach.queues.push(node);
        }
    }
    let at_most_once = |id: &LinkId| flow.link(id).and_then(|link| link.subscription()).is_some_and(settles_at_once);
    let links = (0..plan.link_count() as u32).map(LinkIx);
    reach.hand_over = links.filter(|link| at_most_once(plan.link_id(*link))).collect();
    Some(reach)
}

fn settles_at_once(subscription: &crate::model::Subscription) -> bool {
    subscription.guarantee == crate::model::Guarantee::AtMostOnce
}
