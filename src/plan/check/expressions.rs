//! Expressions that do not compile, with line and column.

use std::collections::HashMap;

use super::Findings;
use crate::expr::{ExprError, Purpose, compile};
use crate::model::{Emit, Expression, Flow, Key, LinkKind, NodeKind};
use crate::plan::problem::Place;

pub(super) fn check(flow: &Flow, findings: &mut Findings) {
    let mut expressions = Expressions { findings, known: HashMap::new() };
    for (id, node) in flow.nodes() {
        let mut expect = |field: String, expression, purpose| {
            expressions.expect(|| Place::Node(id.clone(), Some(field)), expression, purpose);
        };
        if let Some(producer) = node.kind.source() {
            let prefix = if matches!(node.kind, NodeKind::Gateway(_)) { "requests." } else { "" };
            if let Key::Of(expression) = &producer.key {
                expect(format!("{prefix}key"), expression, Purpose::Key);
            }
            if let Some(expression) = &producer.data {
                expect(format!("{prefix}data"), expression, Purpose::Data);
            }
        }
        if let NodeKind::Bus(bus) = &node.kind {
            for (name, topic) in &bus.topics {
                if let Some(expression) = topic.dedup.as_ref().and_then(|dedup| dedup.id.as_ref()) {
                    expect(format!("topics[\"{name}\"].dedup.id"), expression, Purpose::Key);
                }
            }
        }
        for (h, handler) in node.kind.handlers().iter().enumerate() {
            for (e, emit) in handler.emits.iter().enumerate() {
                let field = |setting: &str| format!("handlers[{h}].emits[{e}].{setting}");
                let Emit { when, key, data, .. } = emit;
                if let Some(expression) = when {
                    expect(field("when"), expression, Purpose::Condition);
                }
                if let Key::Of(expression) = key {
                    expect(field("key"), expression, Purpose::Key);
                }
                if let Some(expression) = data {
                    expect(field("data"), expression, Purpose::Data);
                }
            }
        }
    }
    for (id, link) in flow.links() {
        if let LinkKind::Subscribe(subscription) = &link.kind
            && let Some(filter) = &subscription.filter
        {
            expressions.expect(|| Place::Link(id.clone(), Some("filter".to_owned())), filter, Purpose::Condition);
        }
    }
    for (name, expectation) in flow.expectations() {
        if let Some(when) = expectation.when() {
            let place = || Place::Expectation(name.clone(), Some("when".to_owned()));
            expressions.expect(place, when, Purpose::Condition);
        }
    }
}

struct Expressions<'a, 'b> {
    findings: &'a mut Findings,
    /// Many nodes say the same: each source is compiled once for a purpose.
    known: HashMap<(&'b str, u8), Option<ExprError>>,
}

impl<'b> Expressions<'_, 'b> {
    fn expect(&mut self, place: impl FnOnce() -> Place, expression: &'b Expression, purpose: Purpose) {
        let compiled = || compile(expression, purpose).err();
        let Some(error) = self.known.entry((&expression.0, purpose as u8)).or_insert_with(compiled) else { return };
        let what = match purpose {
            Purpose::Condition => "This condition cannot be understood",
            Purpose::Key => "This key cannot be understood",
            Purpose::Data => "These data cannot be understood",
        };
        self.findings.error(place(), "expression", format!("{what}: {error}"), error.hint.clone());
    }
}
