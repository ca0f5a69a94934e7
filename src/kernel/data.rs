//! What expressions see of an event, and what events carry: computed only where something may look at it.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::draws::mixed;
use super::nodes::Planned;
use super::state::{Lineage, Payload, Slot};
use super::{Cx, Kernel};
use crate::expr::{EvalError, Facts};
use crate::model::{EventTypeIx, NodeIx};
use crate::plan::{DataPlan, EmitPlan, KeyPlan, Plan, ProducerPlan};
use crate::trace::{KeyRef, Observer};

pub(super) static NO_DATA: LazyLock<Arc<Value>> = LazyLock::new(Arc::default);

/// Text that facts borrow, kept so that looking at an event allocates nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct FactsText {
    id: String,
    key: String,
}

/// Which of an event's expressions draws: keeps their draws apart.
const KEY_PLACE: u64 = 1 << 40;
const DATA_PLACE: u64 = 2 << 40;

impl Kernel {
    /// Lets an expression look at an event. `place` tells expressions that look at the same event apart.
    pub(super) fn with_facts<T>(
        &mut self,
        plan: &Plan,
        slot: &Slot,
        payload: Option<&Arc<Payload>>,
        place: u64,
        look: impl FnOnce(&Facts<'_>) -> Result<T, EvalError>,
    ) -> Result<T, EvalError> {
        let mut text = std::mem::take(&mut self.facts_text);
        let (event, kind) = (slot.event, slot.kind());
        let origin = plan.node_id(event.origin()).as_str();
        text.id.clear();
        text.key.clear();
        // Writing to a string cannot fail.
        write!(text.id, "{origin}/{}", event.number()).ok();
        let key = match slot.key(payload.map(|payload| &**payload)) {
            KeyRef::None => "",
            KeyRef::Text(key) => key,
            KeyRef::Number(number) => {
                write!(text.key, "k{number}").ok();
                &text.key
            }
        };
        let row = payload.and_then(|payload| payload.row.as_ref());
        let row = row.and_then(|(log, row)| log.rows.get(*row as usize));
        let facts = Facts {
            id: row.map_or(&text.id, |row| &row.id),
            source: row.map_or(origin, |row| &row.source),
            kind: plan.event_name(kind).as_str(),
            subject: row.map_or("", |row| &row.subject),
            time_nanos: payload.and_then(|payload| payload.clock).unwrap_or(slot.born),
            key,
            hops: slot.hops(),
            data: data_of(plan, kind, payload.map(|payload| &**payload)),
            draws: mixed(self.seed ^ place, event.to_bits()),
            number: event.number(),
        };
        let answer = look(&facts);
        self.facts_text = text;
        answer
    }

    /// Works out what an emitted event carries. `Err` if an expression can make nothing of the cause.
    pub(super) fn plan_emit<'a, O: Observer>(
        &mut self,
        cx: &Cx<'a, O>,
        cause: u32,
        emit: &'a EmitPlan,
        copy: u32,
    ) -> Result<Planned<'a>, ()> {
        let plan = cx.plan;
        let slot = self.jobs[cause].slot;
        let node = NodeIx(self.jobs[cause].node);
        let cause_payload = self.jobs.payload_cloned(cause);
        // Several events of one emit setting draw differently.
        let place = u64::from(emit.counter) << 14 ^ u64::from(copy);
        let mut payload = Payload::default();
        payload.correlation = cause_payload.as_ref().and_then(|payload| payload.correlation);
        if !plan.outside.is_empty() {
            let before = cause_payload.as_ref().and_then(|payload| payload.lineage);
            let root = before.map_or(slot.event, |before| before.root);
            payload.lineage = Some(Lineage { cause: slot.event, root });
        }
        let key = match &emit.key {
            KeyPlan::Inherit => {
                if slot.key_code() == Slot::TEXT_KEY {
                    payload.key = cause_payload.as_ref().and_then(|payload| payload.key.clone());
                }
                slot.key_code()
            }
            KeyPlan::Of(program) => {
                let text = self
                    .with_facts(plan, &slot, cause_payload.as_ref(), place ^ KEY_PLACE, |facts| program.text(facts))
                    .map_err(drop)?;
                payload.key = Some(text.into());
                Slot::TEXT_KEY
            }
            KeyPlan::Cycle(_) | KeyPlan::Uniform(_) | KeyPlan::Skewed(_) => self.number_key(node, emit),
        };
        if plan.events[emit.kind.index()].needs_data || self.all_data {
            payload.data = match &emit.data {
                DataPlan::Example => self.all_data.then(|| plan.events[emit.kind.index()].example.clone()).flatten(),
                DataPlan::Cause => Some(Arc::clone(data_of(plan, slot.kind(), cause_payload.as_deref()))),
                DataPlan::Expr(program) => {
                    let value = self.with_facts(plan, &slot, cause_payload.as_ref(), place ^ DATA_PLACE, |facts| {
                        program.value(facts)
                    });
                    match value {
                        Ok(value) => Some(Arc::new(value)),
                        // Nothing in the run needs it: then it must not matter whether somebody looks.
                        Err(_) if !plan.events[emit.kind.index()].needs_data => None,
                        Err(_) => return Err(()),
                    }
                }
            };
        }
        Ok(Planned::new(emit, key, carried(payload)))
    }

    fn number_key(&mut self, node: NodeIx, emit: &EmitPlan) -> u32 {
        let number = match emit.key {
            KeyPlan::Cycle(keys) => {
                let counter = &mut self.counters[emit.counter as usize];
                let number = *counter % keys;
                *counter = counter.wrapping_add(1) % keys;
                number
            }
            KeyPlan::Uniform(keys) => self.rest[node.index()].various.below(keys.into()) as u32,
            KeyPlan::Skewed(keys) => self.rest[node.index()].various.zipf(keys),
            KeyPlan::Inherit | KeyPlan::Of(_) => return 0,
        };
        Slot::number_key(number)
    }

    /// Whether what a producer makes by itself has neither a key nor data that anybody looks at, but its type's example.
    #[inline]
    pub(super) fn carries_nothing(&self, plan: &Plan, producer: &ProducerPlan, kind: EventTypeIx) -> bool {
        let emit = &producer.emit;
        let needs_data = plan.events[kind.index()].needs_data;
        let is_plain = matches!(emit.key, KeyPlan::Inherit) && (!needs_data || matches!(emit.data, DataPlan::Example));
        is_plain && !self.all_data
    }

    /// Works out what a producer's next event carries, beyond what it is given (by a log, by hand).
    ///
    /// Its data may be built from a key that is given or drawn; a key that an expression makes is read off its data.
    pub(super) fn produced<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        producer: &ProducerPlan,
        kind: EventTypeIx,
        given: Payload,
        given_key: u32,
    ) -> (u32, Option<Arc<Payload>>) {
        let plan = cx.plan;
        let emit = &producer.emit;
        let needs_data = plan.events[kind.index()].needs_data || self.all_data;
        let comes_with = given.row.is_some() || given.data.is_some() || given.key.is_some();
        if !comes_with && self.carries_nothing(plan, producer, kind) {
            return (0, None);
        }
        let key = if given_key == 0 { self.number_key(node, emit) } else { given_key };
        let event = crate::model::EventId::new(node, self.nodes[node.index()].emitted);
        let slot = Slot::new(event, self.now, self.now, kind, 0, key);
        let mut payload = given;
        // Data from a hand stand; those of a log are what the expression may build from.
        let is_given = payload.data.is_some() && payload.row.is_none();
        if needs_data && !is_given {
            self.produce_data(cx, node, emit, &slot, &mut payload);
        }
        match &emit.key {
            KeyPlan::Of(program) if key == 0 => {
                let made = Arc::new(payload);
                let text = self.with_facts(plan, &slot, Some(&made), KEY_PLACE, |facts| program.text(facts));
                payload = Arc::unwrap_or_clone(made);
                if let Ok(text) = text {
                    payload.key = Some(text.into());
                    (Slot::TEXT_KEY, carried(payload))
                } else {
                    self.mark_broken(cx, node, event);
                    (0, carried(payload))
                }
            }
            _ => (key, carried(payload)),
        }
    }

    fn produce_data<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        emit: &EmitPlan,
        slot: &Slot,
        payload: &mut Payload,
    ) {
        let plan = cx.plan;
        let event = &plan.events[slot.kind().index()];
        match &emit.data {
            DataPlan::Expr(program) => {
                let shown = Arc::new(payload.clone());
                match self.with_facts(plan, slot, Some(&shown), DATA_PLACE, |facts| program.value(facts)) {
                    Ok(value) => payload.data = Some(Arc::new(value)),
                    // Nothing in the run needs it: then it must not matter whether somebody looks.
                    Err(_) if !event.needs_data => {}
                    Err(_) => {
                        self.mark_broken(cx, node, slot.event);
                        payload.data = None;
                    }
                }
            }
            DataPlan::Example | DataPlan::Cause => {
                if payload.data.is_none() && self.all_data {
                    payload.data.clone_from(&event.example);
                }
            }
        }
    }
}

/// An event's data: what it carries, else its type's example, else nothing.
pub(super) fn data_of<'a>(plan: &'a Plan, kind: EventTypeIx, payload: Option<&'a Payload>) -> &'a Arc<Value> {
    payload
        .and_then(|payload| payload.data.as_ref())
        .or(plan.events[kind.index()].example.as_ref())
        .unwrap_or_else(|| &*NO_DATA)
}

pub(super) fn carried(payload: Payload) -> Option<Arc<Payload>> {
    let Payload { key, data, row, clock, lineage, correlation } = &payload;
    let is_plain = key.is_none() && data.is_none() && row.is_none();
    let is_traced = clock.is_some() || lineage.is_some() || correlation.is_some();
    (!is_plain || is_traced).then(|| Arc::new(payload))
}
