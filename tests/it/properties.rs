//! What holds for any flow and any edits.

use eventloom::edit::Edit;
use eventloom::file::write;
use eventloom::model::{Flow, KindTag, LinkId, Node, NodeId, Point};
use eventloom::session::Session;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::support::flows::sound_flow;

/// A gesture: what to do, to which things, where to.
#[derive(Clone, Debug)]
pub(crate) struct Gesture {
    what: u8,
    one: Index,
    other: Index,
    at: Point,
}

pub(crate) fn gesture() -> impl Strategy<Value = Gesture> {
    (any::<u8>(), any::<Index>(), any::<Index>(), -2_000..2_000, -2_000..2_000)
        .prop_map(|(what, one, other, x, y)| Gesture { what, one, other, at: Point(x, y) })
}

impl Gesture {
    /// The edit that this gesture is in this flow; some are refused, as a person's are.
    pub(crate) fn edit(&self, flow: &Flow) -> Edit {
        let nodes: Vec<&NodeId> = flow.nodes().keys().collect();
        let links: Vec<&LinkId> = flow.links().keys().collect();
        let kind = KindTag::ALL[self.one.index(KindTag::ALL.len())];
        if nodes.is_empty() {
            return add(flow, kind, self.at);
        }
        let (one, other) = (nodes[self.one.index(nodes.len())], nodes[self.other.index(nodes.len())]);
        match self.what % 15 {
            0..=2 => add(flow, kind, self.at),
            3 | 4 => Edit::Move(vec![(one.clone(), self.at), (other.clone(), self.at)]),
            5 | 6 => match flow.possible_link(one, other) {
                Ok(Some(kind)) => {
                    let link = eventloom::model::Link::new(one.clone(), other.clone(), kind);
                    Edit::AddLink(flow.free_link_id(one, other), link)
                }
                Ok(None) => Edit::SetDeadLetters { from: one.clone(), to: Some(other.clone()) },
                Err(_) => Edit::SetDeadLetters { from: one.clone(), to: None },
            },
            7 => Edit::Remove { nodes: vec![one.clone()], links: Vec::new() },
            8 if !links.is_empty() => {
                Edit::Remove { nodes: Vec::new(), links: vec![links[self.one.index(links.len())].clone()] }
            }
            9 => {
                let mut node = flow.nodes()[one].clone();
                node.name = format!("Renamed at {}", self.at.0);
                node.note.push('!');
                Edit::SetNode(one.clone(), node)
            }
            12 => match crate::support::flows::fault(flow, self.one, self.other, self.one, u64::from(self.what)) {
                Some(fault) => Edit::SetFault(flow.free_fault_name("it breaks"), fault),
                None => Edit::SetHopLimit(3),
            },
            13 if !flow.faults().is_empty() => {
                let names: Vec<_> = flow.faults().keys().cloned().collect();
                let name = names[self.one.index(names.len())].clone();
                if self.at.0 > 0 {
                    Edit::RemoveFault(name)
                } else {
                    Edit::RenameFault(name, flow.free_fault_name("it breaks again"))
                }
            }
            10 => Edit::SetSeed(self.at.0.unsigned_abs().into()),
            _ => Edit::Many(
                "Two at once".to_owned(),
                vec![add(flow, kind, self.at), Edit::SetName(format!("Flow {}", self.at.1))],
            ),
        }
    }
}

fn add(flow: &Flow, kind: KindTag, at: Point) -> Edit {
    Edit::AddNode(flow.free_node_id(kind.id_stem()), Node::new(at, kind.default_kind()))
}

proptest! {
    // Each case is a thousand edits: few cases go far.
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn a_thousand_edits_can_be_undone_and_made_again_to_the_byte(
        flow in sound_flow(),
        gestures in vec(gesture(), 1_000),
    ) {
        let mut session = Session::new(flow);
        let first = write(session.flow());
        let mut steps = 0;
        for gesture in &gestures {
            let before = session.revision();
            let edit = gesture.edit(session.flow());
            // Small enough to stay quick, large enough to have everything linked with everything.
            let is_too_large = session.flow().nodes().len() > 24 && !matches!(edit, Edit::Remove { .. } | Edit::Move(_));
            if is_too_large || session.apply(&edit).is_err() {
                prop_assert_eq!(session.revision(), before, "a refused edit changes nothing");
                continue;
            }
            steps += usize::from(session.revision() != before);
        }
        let last = write(session.flow());
        for step in 0..steps {
            prop_assert!(session.undo(), "undo {step} of {steps}");
        }
        prop_assert!(!session.undo());
        prop_assert_eq!(write(session.flow()), first);
        for step in 0..steps {
            prop_assert!(session.redo(), "redo {step} of {steps}");
        }
        prop_assert!(!session.redo());
        prop_assert_eq!(write(session.flow()), last);
    }
}
