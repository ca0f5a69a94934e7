//! What a press can do about a problem: for those whose mend is beyond doubt.

use crate::edit::Edit;
use crate::model::{Flow, KindTag, Node, NodeId, Point};
use crate::plan::{Place, Problem};

/// The mend of a problem as a button: its words and its edit.
pub(crate) fn mend(flow: &Flow, problem: &Problem) -> Option<(&'static str, Edit)> {
    let (Place::Node(node, _), "no-dead-letters") = (&problem.at, problem.code) else { return None };
    add_dead_letters(flow, node)
}

/// A dead-letter queue below a node, new or the one that is there, taking what the node gives up.
pub(crate) fn add_dead_letters(flow: &Flow, from: &NodeId) -> Option<(&'static str, Edit)> {
    let known = flow.nodes().iter().find(|(_, node)| node.kind.tag() == KindTag::DeadLetterQueue);
    if let Some((to, _)) = known {
        return Some(("Send dead letters", Edit::SetDeadLetters { from: from.clone(), to: Some(to.clone()) }));
    }
    let Point(x, y) = flow.node(from)?.at;
    let id = flow.free_node_id(KindTag::DeadLetterQueue.id_stem());
    let node = Node::new(super::build::free_place(flow, Point(x, y + 128)), KindTag::DeadLetterQueue.default_kind());
    let edits = vec![Edit::AddNode(id.clone(), node), Edit::SetDeadLetters { from: from.clone(), to: Some(id) }];
    Some(("Add a dead-letter queue", Edit::Many("Add a dead-letter queue".to_owned(), edits)))
}
