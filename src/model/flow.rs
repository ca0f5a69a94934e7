//! The document, and the only code that changes its parts: whatever it does, a flow stays structurally sound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::EventType;
use super::expect::{Expectation, ExpectationName};
use super::fault::{Fault, FaultName, FaultTarget};
use super::ids::{EventName, LinkId, NodeId, free_title};
use super::is_default;
use super::limits;
use super::link::{Call, Link, LinkKind, Publish, Subscription};
use super::node::{KindTag, Node, NodeKind, Point};

/// A drawing of an event-driven system: event types, nodes and links.
///
/// Always sound: a link's ends exist and may be linked so, a dead-letter queue that is named exists and is one, and no
/// limit of [`limits`] is exceeded. Whether it makes *sense* is what [`crate::plan::check()`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    parts: FlowParts,
}

/// The parts of a flow as a file holds them, not yet known to fit together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowParts {
    /// What people call it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: String,

    /// What it shows, in a sentence or two.
    #[serde(default, skip_serializing_if = "is_default")]
    pub note: String,

    /// Where all chance in its runs comes from.
    #[serde(default = "default_seed")]
    pub seed: u64,

    /// How many hops an event may be away from its root cause before it is taken for a loop and dead-lettered.
    #[serde(default = "default_hops", skip_serializing_if = "is_default_hops")]
    pub hop_limit: u32,

    /// What kinds of events there are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub events: BTreeMap<EventName, EventType>,

    /// What is drawn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nodes: BTreeMap<NodeId, Node>,

    /// What connects it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub links: BTreeMap<LinkId, Link>,

    /// What breaks when: a scenario.
    #[serde(default, skip_serializing_if = "is_default")]
    pub faults: BTreeMap<FaultName, Fault>,

    /// What has to hold in every run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expect: BTreeMap<ExpectationName, Expectation>,
}

fn default_seed() -> u64 {
    Flow::SEED
}

fn default_hops() -> u32 {
    Flow::HOP_LIMIT
}

fn is_default_hops(value: &u32) -> bool {
    *value == Flow::HOP_LIMIT
}

/// Why a change was not made. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// There is no such node.
    #[error("there is no node “{0}”")]
    NoNode(NodeId),
    /// There is no such link.
    #[error("there is no link “{0}”")]
    NoLink(LinkId),
    /// There is no such event type.
    #[error("there is no event type “{0}”")]
    NoEvent(EventName),
    /// There is no such fault.
    #[error("there is no fault “{0}”")]
    NoFault(FaultName),
    /// The name is taken.
    #[error("there already is a fault “{0}”")]
    FaultExists(FaultName),
    /// There is no such expectation.
    #[error("there is no expectation “{0}”")]
    NoExpectation(ExpectationName),
    /// The name is taken.
    #[error("there already is an expectation “{0}”")]
    ExpectationExists(ExpectationName),
    /// The id is taken.
    #[error("there already is a node “{0}”")]
    NodeExists(NodeId),
    /// The id is taken.
    #[error("there already is a link “{0}”")]
    LinkExists(LinkId),
    /// A link hangs in the air.
    #[error("link “{link}” names the node “{node}”, which does not exist")]
    Dangling {
        /// The link.
        link: LinkId,
        /// The missing end.
        node: NodeId,
    },
    /// The two kinds cannot be linked.
    #[error("link “{link}”: {refusal}")]
    Refused {
        /// The link.
        link: LinkId,
        /// Why.
        refusal: LinkRefusal,
    },
    /// A link of this kind cannot be between these two.
    #[error("link “{link}” from “{from}” to “{to}” must be a {expected}", expected = link_word(*.expected))]
    WrongLinkKind {
        /// The link.
        link: LinkId,
        /// Where it leaves.
        from: NodeId,
        /// Where it arrives.
        to: NodeId,
        /// What it would have to be.
        expected: ExpectedLink,
    },
    /// A kind of node never changes into another.
    #[error("“{0}” is of another kind; a node never changes its kind")]
    KindChange(NodeId),
    /// A link's ends never change.
    #[error("link “{0}” has other ends; a link never changes them")]
    EndsChange(LinkId),
    /// What is named as dead-letter queue is none.
    #[error("“{place}” names “{node}” for dead letters, which is no dead-letter queue")]
    NotADeadLetterQueue {
        /// The link or bus that names it.
        place: String,
        /// What it names.
        node: NodeId,
    },
    /// The event type is in use.
    #[error("the event type “{0}” is still emitted by a node")]
    EventInUse(EventName),
    /// Beyond a limit of [`limits`].
    #[error("{}the limit of {limit} {what} is exceeded", .node.as_ref().map(|id| format!("“{id}”: ")).unwrap_or_default())]
    Limit {
        /// The node that exceeds it; unset if it is the flow as a whole.
        node: Option<NodeId>,
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
}

/// What the link between two kinds of nodes has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedLink {
    /// To a bus.
    Publish,
    /// From a bus.
    Subscribe,
    /// Between services.
    Call,
}

const fn link_word(expected: ExpectedLink) -> &'static str {
    match expected {
        ExpectedLink::Publish => "Publish",
        ExpectedLink::Subscribe => "Subscribe",
        ExpectedLink::Call => "Call",
    }
}

/// Why two nodes cannot be linked, in few words for the pointer, and what would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    /// Two that should not know each other; a bus between them mends it.
    #[error("put a bus between them")]
    NeedsBus,
    /// A bus to a bus.
    #[error("a service must carry events between buses")]
    BusToBus,
    /// Into a producer.
    #[error("a producer takes no events")]
    IntoProducer,
    /// Out of a consumer.
    #[error("a consumer emits no events")]
    OutOfConsumer,
    /// Out of a dead-letter queue.
    #[error("a dead-letter queue emits no events")]
    OutOfDeadLetters,
    /// Into a dead-letter queue, from what gets nothing that it could give up.
    #[error("only subscribers and buses give up events")]
    NothingToGiveUp,
    /// With a note.
    #[error("a note takes no links")]
    Note,
    /// With itself.
    #[error("a node cannot be linked to itself")]
    Itself,
    /// Once more the way that there is: everything would come twice.
    #[error("these events come here already")]
    Linked,
}

/// The drawn path of what a subscriber or a bus gives up. Not stored: it follows from the `dead_letters` settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterLink {
    /// The subscriber or the bus.
    pub from: NodeId,
    /// The dead-letter queue.
    pub to: NodeId,
}

impl Flow {
    /// The seed of a new flow.
    pub const SEED: u64 = 42;
    /// How many hops an event may be away from its root cause. AWS Lambda stops recursive loops after about 16.
    pub const HOP_LIMIT: u32 = 64;

    /// An empty flow.
    pub fn new(name: &str) -> Self {
        Self {
            parts: FlowParts {
                name: name.to_owned(),
                note: String::new(),
                seed: Self::SEED,
                hop_limit: Self::HOP_LIMIT,
                events: BTreeMap::new(),
                nodes: BTreeMap::new(),
                links: BTreeMap::new(),
                faults: BTreeMap::new(),
                expect: BTreeMap::new(),
            },
        }
    }

    // ---- questions ------------------------------------------------------------------------------------------------

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// What it shows.
    pub fn note(&self) -> &str {
        &self.parts.note
    }

    /// Where all chance in its runs comes from.
    pub const fn seed(&self) -> u64 {
        self.parts.seed
    }

    /// How many hops an event may be away from its root cause.
    pub const fn hop_limit(&self) -> u32 {
        self.parts.hop_limit
    }

    /// Every part, as a file holds it.
    pub const fn parts(&self) -> &FlowParts {
        &self.parts
    }

    /// The event types that are described, by name.
    pub const fn events(&self) -> &BTreeMap<EventName, EventType> {
        &self.parts.events
    }

    /// The nodes, by id.
    pub const fn nodes(&self) -> &BTreeMap<NodeId, Node> {
        &self.parts.nodes
    }

    /// The links, by id.
    pub const fn links(&self) -> &BTreeMap<LinkId, Link> {
        &self.parts.links
    }

    /// What breaks when, by name.
    pub const fn faults(&self) -> &BTreeMap<FaultName, Fault> {
        &self.parts.faults
    }

    /// One fault.
    pub fn fault(&self, name: &FaultName) -> Option<&Fault> {
        self.parts.faults.get(name)
    }

    /// What has to hold in every run, by name.
    pub const fn expectations(&self) -> &BTreeMap<ExpectationName, Expectation> {
        &self.parts.expect
    }

    /// One expectation.
    pub fn expectation(&self, name: &ExpectationName) -> Option<&Expectation> {
        self.parts.expect.get(name)
    }

    /// One node.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.parts.nodes.get(id)
    }

    /// One link.
    pub fn link(&self, id: &LinkId) -> Option<&Link> {
        self.parts.links.get(id)
    }

    /// What a node is called; its id if there is none.
    pub fn title(&self, id: &NodeId) -> String {
        self.node(id).map_or_else(|| id.to_string(), |node| node.title(id))
    }

    /// The links that leave a node.
    pub fn links_from<'a>(&'a self, id: &'a NodeId) -> impl Iterator<Item = (&'a LinkId, &'a Link)> {
        self.parts.links.iter().filter(move |(_, link)| link.from == *id)
    }

    /// The links that arrive at a node.
    pub fn links_to<'a>(&'a self, id: &'a NodeId) -> impl Iterator<Item = (&'a LinkId, &'a Link)> {
        self.parts.links.iter().filter(move |(_, link)| link.to == *id)
    }

    /// Every event type that is described or emitted: the described ones first, then by node.
    pub fn event_names(&self) -> Vec<EventName> {
        let mut names: Vec<EventName> = self.parts.events.keys().cloned().collect();
        for name in self.parts.nodes.values().flat_map(|node| node.kind.emitted()) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Which of the eight event colours each event type wears: its own, or the next one in order.
    pub fn event_colors(&self) -> BTreeMap<EventName, u8> {
        let names = self.event_names();
        let own = |name: &EventName| self.parts.events.get(name).and_then(|event| event.color);
        let taken: Vec<u8> = names.iter().filter_map(own).collect();
        let mut free = (0..8).filter(|color| !taken.contains(color)).chain((0..8).cycle());
        let color = |name: EventName| {
            let color = own(&name).or_else(|| free.next()).unwrap_or(0);
            (name, color % 8)
        };
        names.into_iter().map(color).collect()
    }

    /// The topics of a bus: the described ones and those that links publish to.
    pub fn topics_of(&self, bus: &NodeId) -> Vec<super::TopicName> {
        let mut topics = std::collections::BTreeSet::new();
        if let Some(NodeKind::Bus(settings)) = self.node(bus).map(|node| &node.kind) {
            topics.extend(settings.topics.keys().cloned());
        }
        for (_, link) in self.links_to(bus) {
            let (LinkKind::Publish(publish), Some(node)) = (&link.kind, self.node(&link.from)) else { continue };
            match &publish.topic {
                Some(topic) => {
                    topics.insert(topic.clone());
                }
                None => topics.extend(
                    node.kind
                        .emitted()
                        .filter(|event| {
                            publish.events.is_empty() || publish.events.iter().any(|p| p.matches(event.as_str()))
                        })
                        .map(super::TopicName::from),
                ),
            }
        }
        topics.into_iter().collect()
    }

    /// The drawn paths of dead letters, in order, each once.
    pub fn dead_letter_links(&self) -> Vec<DeadLetterLink> {
        let mut paths = Vec::new();
        for (id, node) in &self.parts.nodes {
            if let NodeKind::Bus(bus) = &node.kind
                && let Some(to) = &bus.dead_letters
            {
                paths.push(DeadLetterLink { from: id.clone(), to: to.clone() });
            }
        }
        for link in self.parts.links.values() {
            if let Some(to) = link.dead_letters() {
                paths.push(DeadLetterLink { from: link.to.clone(), to: to.clone() });
            }
        }
        paths.sort();
        paths.dedup();
        paths
    }

    /// What a new link between two nodes would be, or why there can be none.
    ///
    /// `Ok(None)` is a dead-letter path: no link of its own, but a setting of the first node's subscriptions.
    pub fn possible_link(&self, from: &NodeId, to: &NodeId) -> Result<Option<LinkKind>, LinkRefusal> {
        let tag = |id: &NodeId| self.node(id).map(|node| node.kind.tag());
        let (Some(from_tag), Some(to_tag)) = (tag(from), tag(to)) else { return Err(LinkRefusal::Note) };
        if from == to {
            return Err(LinkRefusal::Itself);
        }
        if to_tag == KindTag::DeadLetterQueue {
            let gives_up = from_tag == KindTag::Bus
                || self.links_to(from).any(|(_, link)| matches!(link.kind, LinkKind::Subscribe(_) | LinkKind::Call(_)));
            return match from_tag {
                KindTag::Note => Err(LinkRefusal::Note),
                KindTag::DeadLetterQueue => Err(LinkRefusal::OutOfDeadLetters),
                _ if gives_up => Ok(None),
                _ => Err(LinkRefusal::NothingToGiveUp),
            };
        }
        let kind = match expected_link(from_tag, to_tag)? {
            ExpectedLink::Publish => LinkKind::Publish(Publish::default()),
            ExpectedLink::Subscribe => LinkKind::Subscribe(Subscription::default()),
            ExpectedLink::Call => LinkKind::Call(Call::default()),
        };
        Ok(Some(kind))
    }

    /// An id for a new node: the stem, with the first number that makes it new.
    pub fn free_node_id(&self, stem: &str) -> NodeId {
        let stem: String =
            stem.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
        let stem = stem.trim_matches('-').chars().take(limits::NAME_CHARS - 8).collect::<String>();
        let stem = if stem.is_empty() { "node" } else { &stem };
        let numbered = |n: u64| if n == 1 { stem.to_owned() } else { format!("{stem}-{n}") };
        (1..=u64::MAX)
            .map(numbered)
            .find(|id| !self.parts.nodes.contains_key(id.as_str()))
            .and_then(|id| NodeId::new(&id).ok())
            .expect("a name of letters, digits and dashes is well-formed, and numbers do not run out")
    }

    /// A name for a new fault: the stem, with the first number that makes it new.
    pub fn free_fault_name(&self, stem: &str) -> FaultName {
        let title = free_title(stem, |title| self.parts.faults.keys().any(|name| name.as_str() == title));
        FaultName::new(&title).expect("a free title is a title")
    }

    /// A name for a new expectation: the stem, with the first number that makes it new.
    pub fn free_expectation_name(&self, stem: &str) -> ExpectationName {
        let title = free_title(stem, |title| self.parts.expect.keys().any(|name| name.as_str() == title));
        ExpectationName::new(&title).expect("a free title is a title")
    }

    /// An id for a new link between two nodes: the habitual one, with the first number that makes it new.
    pub fn free_link_id(&self, from: &NodeId, to: &NodeId) -> LinkId {
        let habitual = LinkId::between(from, to);
        if !self.parts.links.contains_key(&habitual) {
            return habitual;
        }
        (2..=u64::MAX)
            .filter_map(|n| LinkId::new(&format!("{habitual}#{n}")).ok())
            .find(|id| !self.parts.links.contains_key(id))
            .unwrap_or(habitual)
    }

    // ---- changes --------------------------------------------------------------------------------------------------

    /// Names the flow.
    pub fn set_name(&mut self, name: String) {
        self.parts.name = name;
    }

    /// Describes the flow.
    pub fn set_note(&mut self, note: String) {
        self.parts.note = note;
    }

    /// Sets where all chance comes from.
    pub const fn set_seed(&mut self, seed: u64) {
        self.parts.seed = seed;
    }

    /// Sets how many hops an event may be away from its root cause.
    pub const fn set_hop_limit(&mut self, hops: u32) {
        self.parts.hop_limit = hops;
    }

    /// Describes an event type, new or known.
    pub fn set_event(&mut self, name: EventName, event: EventType) {
        self.parts.events.insert(name, event);
    }

    /// Forgets an event type's description.
    pub fn remove_event(&mut self, name: &EventName) -> Result<(), FlowError> {
        match self.parts.events.remove(name) {
            Some(_) => Ok(()),
            None => Err(FlowError::NoEvent(name.clone())),
        }
    }

    /// Adds a node.
    pub fn add_node(&mut self, id: NodeId, node: Node) -> Result<(), FlowError> {
        if self.parts.nodes.contains_key(&id) {
            return Err(FlowError::NodeExists(id));
        }
        if self.parts.nodes.len() >= limits::NODES {
            return Err(FlowError::Limit { node: None, what: "nodes", limit: limits::NODES as u64 });
        }
        check_node(&self.parts, &id, &node)?;
        self.parts.nodes.insert(id, node);
        Ok(())
    }

    /// Replaces a node's name, place, note and settings; its kind stays.
    pub fn set_node(&mut self, id: &NodeId, node: Node) -> Result<(), FlowError> {
        let old = self.node(id).ok_or_else(|| FlowError::NoNode(id.clone()))?;
        if old.kind.tag() != node.kind.tag() {
            return Err(FlowError::KindChange(id.clone()));
        }
        check_node(&self.parts, id, &node)?;
        self.parts.nodes.insert(id.clone(), node);
        Ok(())
    }

    /// Moves a node.
    pub fn move_node(&mut self, id: &NodeId, at: Point) -> Result<(), FlowError> {
        let node = self.parts.nodes.get_mut(id).ok_or_else(|| FlowError::NoNode(id.clone()))?;
        node.at = at;
        Ok(())
    }

    /// Removes a node, its links, and every mention of it as a dead-letter queue.
    pub fn remove_node(&mut self, id: &NodeId) -> Result<(), FlowError> {
        let Some(node) = self.parts.nodes.remove(id) else { return Err(FlowError::NoNode(id.clone())) };
        let is_its_own = |link: &Link| link.from == *id || link.to == *id;
        let gone: Vec<LinkId> =
            self.parts.links.iter().filter(|(_, link)| is_its_own(link)).map(|(link, _)| link.clone()).collect();
        self.parts.links.retain(|_, link| !is_its_own(link));
        self.forget_faults(Some(id), &gone);
        self.forget_expectations(Some(id), &gone);
        if node.kind.tag() == KindTag::DeadLetterQueue {
            let forget = |named: &mut Option<NodeId>| {
                if named.as_ref() == Some(id) {
                    *named = None;
                }
            };
            for node in self.parts.nodes.values_mut() {
                if let NodeKind::Bus(bus) = &mut node.kind {
                    forget(&mut bus.dead_letters);
                }
            }
            for link in self.parts.links.values_mut() {
                match &mut link.kind {
                    LinkKind::Subscribe(subscription) => forget(&mut subscription.dead_letters),
                    LinkKind::Call(call) => forget(&mut call.dead_letters),
                    LinkKind::Publish(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Adds a link.
    pub fn add_link(&mut self, id: LinkId, link: Link) -> Result<(), FlowError> {
        if self.parts.links.contains_key(&id) {
            return Err(FlowError::LinkExists(id));
        }
        if self.parts.links.len() >= limits::LINKS {
            return Err(FlowError::Limit { node: None, what: "links", limit: limits::LINKS as u64 });
        }
        check_link(&self.parts, &id, &link)?;
        self.parts.links.insert(id, link);
        Ok(())
    }

    /// Replaces a link's settings; its ends stay.
    pub fn set_link(&mut self, id: &LinkId, link: Link) -> Result<(), FlowError> {
        let old = self.link(id).ok_or_else(|| FlowError::NoLink(id.clone()))?;
        if old.from != link.from || old.to != link.to {
            return Err(FlowError::EndsChange(id.clone()));
        }
        check_link(&self.parts, id, &link)?;
        self.parts.links.insert(id.clone(), link);
        Ok(())
    }

    /// Removes a link.
    pub fn remove_link(&mut self, id: &LinkId) -> Result<(), FlowError> {
        match self.parts.links.remove(id) {
            Some(_) => {
                self.forget_faults(None, std::slice::from_ref(id));
                self.forget_expectations(None, std::slice::from_ref(id));
                Ok(())
            }
            None => Err(FlowError::NoLink(id.clone())),
        }
    }

    /// Adds a fault to the scenario, or replaces the one of this name.
    pub fn set_fault(&mut self, name: FaultName, fault: Fault) -> Result<(), FlowError> {
        self.parts.faults.insert(name, fault);
        check_faults(&self.parts)
    }

    /// Takes a fault out of the scenario.
    pub fn remove_fault(&mut self, name: &FaultName) -> Result<(), FlowError> {
        match self.parts.faults.remove(name) {
            Some(_) => Ok(()),
            None => Err(FlowError::NoFault(name.clone())),
        }
    }

    /// Takes out of the scenario what is about a node or links that were just removed.
    fn forget_faults(&mut self, node: Option<&NodeId>, links: &[LinkId]) {
        if self.parts.faults.is_empty() {
            return;
        }
        self.parts.faults.retain(|_, fault| match &mut fault.on {
            FaultTarget::Node(id) => Some(&*id) != node,
            FaultTarget::Link(id) => !links.contains(id),
            FaultTarget::Links(ids) => {
                let had_some = !ids.is_empty();
                ids.retain(|id| !links.contains(id));
                !had_some || !ids.is_empty()
            }
        });
    }

    /// Expects something of every run, or something else under this name.
    pub fn set_expectation(&mut self, name: ExpectationName, expectation: Expectation) -> Result<(), FlowError> {
        self.parts.expect.insert(name, expectation);
        check_expectations(&self.parts)
    }

    /// Expects something no longer.
    pub fn remove_expectation(&mut self, name: &ExpectationName) -> Result<(), FlowError> {
        match self.parts.expect.remove(name) {
            Some(_) => Ok(()),
            None => Err(FlowError::NoExpectation(name.clone())),
        }
    }

    /// Expects nothing any more of a node or links that were just removed.
    fn forget_expectations(&mut self, node: Option<&NodeId>, links: &[LinkId]) {
        self.parts.expect.retain(|_, expectation| {
            let of_node = expectation.nodes().iter().any(|(_, id)| Some(*id) == node);
            let of_link = expectation.link().is_some_and(|(_, id)| links.contains(id));
            !of_node && !of_link
        });
    }

    /// Everything that is not as [`Flow`] promises; empty unless this module has a mistake.
    pub fn broken_invariants(&self) -> Vec<FlowError> {
        check_parts(&self.parts)
    }
}

impl TryFrom<FlowParts> for Flow {
    type Error = Vec<FlowError>;

    /// Checks that the parts fit together; every reason that they do not.
    fn try_from(parts: FlowParts) -> Result<Self, Vec<FlowError>> {
        let errors = check_parts(&parts);
        if errors.is_empty() { Ok(Self { parts }) } else { Err(errors) }
    }
}

fn check_parts(parts: &FlowParts) -> Vec<FlowError> {
    let mut errors = Vec::new();
    if parts.nodes.len() > limits::NODES {
        errors.push(FlowError::Limit { node: None, what: "nodes", limit: limits::NODES as u64 });
    }
    if parts.links.len() > limits::LINKS {
        errors.push(FlowError::Limit { node: None, what: "links", limit: limits::LINKS as u64 });
    }
    errors.extend(check_faults(parts).err());
    errors.extend(check_expectations(parts).err());
    errors.extend(parts.nodes.iter().filter_map(|(id, node)| check_node(parts, id, node).err()));
    errors.extend(parts.links.iter().filter_map(|(id, link)| check_link(parts, id, link).err()));
    errors
}

fn check_faults(parts: &FlowParts) -> Result<(), FlowError> {
    if parts.faults.len() > limits::FAULTS {
        return Err(FlowError::Limit { node: None, what: "faults", limit: limits::FAULTS as u64 });
    }
    Ok(())
}

fn check_expectations(parts: &FlowParts) -> Result<(), FlowError> {
    if parts.expect.len() > limits::EXPECTATIONS {
        return Err(FlowError::Limit { node: None, what: "expectations", limit: limits::EXPECTATIONS as u64 });
    }
    Ok(())
}

fn check_node(parts: &FlowParts, id: &NodeId, node: &Node) -> Result<(), FlowError> {
    let within = |what, value: u64, limit: u64| {
        if value > limit { Err(FlowError::Limit { node: Some(id.clone()), what, limit }) } else { Ok(()) }
    };
    match &node.kind {
        NodeKind::Bus(bus) => {
            for topic in bus.topics.values() {
                within("partitions a topic", u64::from(topic.partitions), u64::from(limits::PARTITIONS))?;
            }
            if let Some(to) = &bus.dead_letters {
                check_dead_letters(parts, id.as_str(), to)?;
            }
        }
        NodeKind::Consumer(consumer) => {
            within("events handled at once", u64::from(consumer.concurrency), u64::from(limits::CONCURRENCY))?;
        }
        NodeKind::Service(service) => {
            within("events handled at once", u64::from(service.concurrency), u64::from(limits::CONCURRENCY))?;
        }
        NodeKind::Function(function) => {
            within("instances", u64::from(function.instances), u64::from(limits::CONCURRENCY))?;
        }
        NodeKind::Stream(stream) => {
            within("events taken in at once", u64::from(stream.concurrency), u64::from(limits::CONCURRENCY))?;
        }
        NodeKind::Store(store) => {
            within("events handled at once", u64::from(store.concurrency), u64::from(limits::CONCURRENCY))?;
            within("parts of a state", store.state.len() as u64, limits::STATE_FIELDS as u64)?;
        }
        NodeKind::Producer(_) | NodeKind::DeadLetterQueue(_) | NodeKind::Gateway(_) | NodeKind::Note(_) => {}
    }
    if let Some(saga) = node.kind.saga() {
        within("steps of a saga", saga.steps.len() as u64, limits::SAGA_STEPS as u64)?;
    }
    for handler in node.kind.handlers() {
        let emitted: u64 = handler.emits.iter().map(|emit| u64::from(emit.count)).sum();
        within("events emitted by one handler", emitted, u64::from(limits::EMITS))?;
    }
    Ok(())
}

fn check_link(parts: &FlowParts, id: &LinkId, link: &Link) -> Result<(), FlowError> {
    let tag = |node: &NodeId| match parts.nodes.get(node) {
        Some(node) => Ok(node.kind.tag()),
        None => Err(FlowError::Dangling { link: id.clone(), node: node.clone() }),
    };
    let (from_tag, to_tag) = (tag(&link.from)?, tag(&link.to)?);
    let refused = |refusal| FlowError::Refused { link: id.clone(), refusal };
    if link.from == link.to {
        return Err(refused(LinkRefusal::Itself));
    }
    let expected = expected_link(from_tag, to_tag).map_err(refused)?;
    let fits = match (&link.kind, expected) {
        (LinkKind::Publish(_), ExpectedLink::Publish)
        | (LinkKind::Subscribe(_), ExpectedLink::Subscribe)
        | (LinkKind::Call(_), ExpectedLink::Call) => true,
        (LinkKind::Publish(_) | LinkKind::Subscribe(_) | LinkKind::Call(_), _) => false,
    };
    if !fits {
        let (from, to) = (link.from.clone(), link.to.clone());
        return Err(FlowError::WrongLinkKind { link: id.clone(), from, to, expected });
    }
    match link.dead_letters() {
        Some(to) => check_dead_letters(parts, id.as_str(), to),
        None => Ok(()),
    }
}

fn check_dead_letters(parts: &FlowParts, place: &str, to: &NodeId) -> Result<(), FlowError> {
    match parts.nodes.get(to).map(|node| node.kind.tag()) {
        Some(KindTag::DeadLetterQueue) => Ok(()),
        _ => Err(FlowError::NotADeadLetterQueue { place: place.to_owned(), node: to.clone() }),
    }
}

/// What a stored link between two kinds of nodes has to be.
fn expected_link(from: KindTag, to: KindTag) -> Result<ExpectedLink, LinkRefusal> {
    match (from, to) {
        (KindTag::Note, _) | (_, KindTag::Note) => Err(LinkRefusal::Note),
        (KindTag::DeadLetterQueue, _) => Err(LinkRefusal::OutOfDeadLetters),
        (_, KindTag::DeadLetterQueue) => Err(LinkRefusal::NothingToGiveUp),
        (KindTag::Consumer, _) => Err(LinkRefusal::OutOfConsumer),
        (_, KindTag::Producer) => Err(LinkRefusal::IntoProducer),
        (KindTag::Bus, KindTag::Bus) => Err(LinkRefusal::BusToBus),
        (KindTag::Bus, _) => Ok(ExpectedLink::Subscribe),
        (_, KindTag::Bus) => Ok(ExpectedLink::Publish),
        // A reply comes by subscription: who replies knows nobody who waits.
        (KindTag::Producer | KindTag::Stream | KindTag::Store, _)
        | (_, KindTag::Consumer | KindTag::Stream | KindTag::Gateway) => Err(LinkRefusal::NeedsBus),
        (
            KindTag::Service | KindTag::Function | KindTag::Gateway,
            KindTag::Service | KindTag::Function | KindTag::Store,
        ) => Ok(ExpectedLink::Call),
    }
}
