//! What a press can do about a problem: for those whose mend is beyond doubt.

use crate::edit::Edit;
use crate::model::{Flow, KindTag, LinkKind, Node, NodeId, Point};
use crate::plan::{Place, Problem};

use super::build;

/// The mend of a problem as a button: its words and its edit.
pub(crate) fn mend(flow: &Flow, problem: &Problem) -> Option<(String, Edit)> {
    match (problem.code, &problem.at) {
        ("no-dead-letters", Place::Link(link, _)) => {
            let link = flow.link(link)?;
            add_dead_letters(flow, &link.to)
        }
        ("no-input", Place::Node(node, _)) if flow.node(node)?.kind.tag().subscribes() => {
            let bus = the_bus(flow)?;
            let edit = build::connect(flow, bus, node, false).ok()?;
            Some((format!("Subscribe to {}", flow.title(bus)), edit))
        }
        ("no-output", Place::Node(node, _)) if flow.node(node)?.kind.tag().publishes() => {
            let bus = the_bus(flow)?;
            let edit = build::connect(flow, node, bus, false).ok()?;
            Some((format!("Publish to {}", flow.title(bus)), edit))
        }
        _ => None,
    }
}

/// The bus of a flow that has just one: with several it takes a person to say which.
fn the_bus(flow: &Flow) -> Option<&NodeId> {
    let mut buses = flow.nodes().iter().filter(|(_, node)| node.kind.tag() == KindTag::Bus).map(|(id, _)| id);
    let only = buses.next()?;
    if buses.next().is_some() { None } else { Some(only) }
}

/// A dead-letter queue below a node, new or the one that is there, taking what the node gives up.
pub(crate) fn add_dead_letters(flow: &Flow, from: &NodeId) -> Option<(String, Edit)> {
    let takes = flow.links_to(from).any(|(_, link)| !matches!(link.kind, LinkKind::Publish(_)));
    if !takes {
        return None;
    }
    let known = flow.nodes().iter().find(|(_, node)| node.kind.tag() == KindTag::DeadLetterQueue);
    if let Some((to, _)) = known {
        let words = format!("Send dead letters to {}", flow.title(to));
        return Some((words, Edit::SetDeadLetters { from: from.clone(), to: Some(to.clone()) }));
    }
    let Point(x, y) = flow.node(from)?.at;
    let id = flow.free_node_id(KindTag::DeadLetterQueue.id_stem());
    let node = Node::new(build::free_place(flow, Point(x, y + 128)), KindTag::DeadLetterQueue.default_kind());
    let edits = vec![Edit::AddNode(id.clone(), node), Edit::SetDeadLetters { from: from.clone(), to: Some(id) }];
    let words = "Add a dead-letter queue".to_owned();
    Some((words.clone(), Edit::Many(words, edits)))
}
