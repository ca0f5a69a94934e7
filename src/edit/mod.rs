//! The one way to change a flow: an [`Edit`], made by a [`Document`] that remembers how it was.

mod document;
mod history;

use crate::model::{
    EventName, EventType, Expectation, ExpectationName, Fault, FaultName, Flow, FlowError, Link, LinkId, LinkKind,
    Node, NodeId, NodeKind, Point,
};

pub use self::document::Document;

/// One change that a person makes: one gesture, one edit, one undo step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Names the flow.
    SetName(String),
    /// Describes the flow.
    SetNote(String),
    /// Sets where all chance comes from.
    SetSeed(u64),
    /// Sets how many hops an event may be away from its root cause.
    SetHopLimit(u32),
    /// Describes an event type, new or known.
    SetEvent(EventName, EventType),
    /// Forgets an event type's description.
    RemoveEvent(EventName),
    /// Adds a node.
    AddNode(NodeId, Node),
    /// Replaces a node's name, place, note and settings.
    SetNode(NodeId, Node),
    /// Moves nodes to these places.
    Move(Vec<(NodeId, Point)>),
    /// Adds a link.
    AddLink(LinkId, Link),
    /// Replaces a link's settings.
    SetLink(LinkId, Link),
    /// Sends what a subscriber or a bus gives up to a dead-letter queue, or nowhere.
    SetDeadLetters {
        /// The subscriber, whose links from buses and callers all change, or the bus.
        from: NodeId,
        /// The dead-letter queue.
        to: Option<NodeId>,
    },
    /// Adds a fault to the scenario, or changes it.
    SetFault(FaultName, Fault),
    /// Takes a fault out of the scenario.
    RemoveFault(FaultName),
    /// Calls a fault of the scenario otherwise: its draws are then other ones.
    RenameFault(FaultName, FaultName),
    /// Expects something of every run, or something else under this name.
    SetExpectation(ExpectationName, Expectation),
    /// Expects something no longer.
    RemoveExpectation(ExpectationName),
    /// Calls an expectation otherwise.
    RenameExpectation(ExpectationName, ExpectationName),
    /// Removes nodes with their links, and links.
    Remove {
        /// The nodes.
        nodes: Vec<NodeId>,
        /// The links; those that go with a node may be named too.
        links: Vec<LinkId>,
    },
    /// Several changes that are one to the person: paste, layout, a bus put between.
    Many(
        /// What the person calls it.
        String,
        /// The changes, in order.
        Vec<Self>,
    ),
    /// Puts a whole flow in place of this one: an import, a text that was edited by hand.
    Replace(
        /// What the person calls it.
        String,
        /// The flow.
        Box<Flow>,
    ),
}

impl Edit {
    /// What the person calls it, for “Undo …”.
    pub fn label(&self) -> String {
        match self {
            Self::SetName(_) => "Rename flow".to_owned(),
            Self::SetNote(_) => "Describe flow".to_owned(),
            Self::SetSeed(_) => "Change seed".to_owned(),
            Self::SetHopLimit(_) => "Change hop limit".to_owned(),
            Self::SetEvent(name, _) => format!("Change event type {name}"),
            Self::RemoveEvent(name) => format!("Remove event type {name}"),
            Self::AddNode(_, node) => format!("Add {}", node.kind.tag().label().to_lowercase()),
            Self::SetNode(id, _) => format!("Change {id}"),
            Self::Move(nodes) if nodes.len() == 1 => "Move node".to_owned(),
            Self::Move(nodes) => format!("Move {} nodes", nodes.len()),
            Self::AddLink(..) => "Connect".to_owned(),
            Self::SetLink(id, _) => format!("Change {id}"),
            Self::SetDeadLetters { to: Some(_), .. } => "Send dead letters".to_owned(),
            Self::SetDeadLetters { to: None, .. } => "Stop sending dead letters".to_owned(),
            Self::SetFault(name, _) => format!("Change fault {name}"),
            Self::RemoveFault(name) => format!("Remove fault {name}"),
            Self::RenameFault(name, _) => format!("Rename fault {name}"),
            Self::SetExpectation(name, _) => format!("Change expectation {name}"),
            Self::RemoveExpectation(name) => format!("Remove expectation {name}"),
            Self::RenameExpectation(name, _) => format!("Rename expectation {name}"),
            Self::Remove { nodes, links } => match (nodes.len(), links.len()) {
                (0, 1) => "Remove link".to_owned(),
                (0, links) => format!("Remove {links} links"),
                (1, _) => "Remove node".to_owned(),
                (nodes, _) => format!("Remove {nodes} nodes"),
            },
            Self::Many(label, _) | Self::Replace(label, _) => label.clone(),
        }
    }

    /// Changes the flow, or says why not; then the flow may be half changed and is to be thrown away.
    fn apply_to(&self, flow: &mut Flow) -> Result<(), FlowError> {
        match self {
            Self::SetName(name) => flow.set_name(name.clone()),
            Self::SetNote(note) => flow.set_note(note.clone()),
            Self::SetSeed(seed) => flow.set_seed(*seed),
            Self::SetHopLimit(hops) => flow.set_hop_limit(*hops),
            Self::SetEvent(name, event) => flow.set_event(name.clone(), event.clone()),
            Self::RemoveEvent(name) => flow.remove_event(name)?,
            Self::AddNode(id, node) => flow.add_node(id.clone(), node.clone())?,
            Self::SetNode(id, node) => flow.set_node(id, node.clone())?,
            Self::Move(nodes) => nodes.iter().try_for_each(|(id, at)| flow.move_node(id, *at))?,
            Self::AddLink(id, link) => flow.add_link(id.clone(), link.clone())?,
            Self::SetLink(id, link) => flow.set_link(id, link.clone())?,
            Self::SetDeadLetters { from, to } => set_dead_letters(flow, from, to.as_ref())?,
            Self::SetFault(name, fault) => flow.set_fault(name.clone(), fault.clone())?,
            Self::RemoveFault(name) => flow.remove_fault(name)?,
            Self::RenameFault(from, to) => {
                let fault = flow.fault(from).cloned().ok_or_else(|| FlowError::NoFault(from.clone()))?;
                if flow.fault(to).is_some() {
                    return Err(FlowError::FaultExists(to.clone()));
                }
                flow.remove_fault(from)?;
                flow.set_fault(to.clone(), fault)?;
            }
            Self::SetExpectation(name, expectation) => flow.set_expectation(name.clone(), expectation.clone())?,
            Self::RemoveExpectation(name) => flow.remove_expectation(name)?,
            Self::RenameExpectation(from, to) => {
                let expectation = flow.expectation(from).cloned();
                let expectation = expectation.ok_or_else(|| FlowError::NoExpectation(from.clone()))?;
                if flow.expectation(to).is_some() {
                    return Err(FlowError::ExpectationExists(to.clone()));
                }
                flow.remove_expectation(from)?;
                flow.set_expectation(to.clone(), expectation)?;
            }
            Self::Remove { nodes, links } => {
                links.iter().try_for_each(|id| flow.remove_link(id))?;
                nodes.iter().try_for_each(|id| flow.remove_node(id))?;
            }
            Self::Many(_, edits) => edits.iter().try_for_each(|edit| edit.apply_to(flow))?,
            Self::Replace(_, other) => flow.clone_from(other),
        }
        Ok(())
    }
}

fn set_dead_letters(flow: &mut Flow, from: &NodeId, to: Option<&NodeId>) -> Result<(), FlowError> {
    let mut node = flow.node(from).cloned().ok_or_else(|| FlowError::NoNode(from.clone()))?;
    if let NodeKind::Bus(bus) = &mut node.kind {
        bus.dead_letters = to.cloned();
        return flow.set_node(from, node);
    }
    let incoming: Vec<(LinkId, Link)> = flow.links_to(from).map(|(id, link)| (id.clone(), link.clone())).collect();
    for (id, mut link) in incoming {
        match &mut link.kind {
            LinkKind::Subscribe(subscription) => subscription.dead_letters = to.cloned(),
            LinkKind::Call(call) => call.dead_letters = to.cloned(),
            LinkKind::Publish(_) => continue,
        }
        flow.set_link(&id, link)?;
    }
    Ok(())
}
