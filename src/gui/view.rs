//! What the window remembers that is not in the flow, and what its parts are given to read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::edit::Edit;
use crate::model::{
    EventName, ExpectationName, FaultKind, FaultTarget, KindTag, LinkId, NodeId, Point, SimTime, StartAt,
};
use crate::plan::Problem;
use crate::session::{EventRef, LiveView, Session, Speed};

use super::action::Action;
use super::theme::Theme;

/// What is selected. View state: not in the file, not undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Selected nodes.
    pub nodes: BTreeSet<NodeId>,
    /// Selected links.
    pub links: BTreeSet<LinkId>,
}

impl Selection {
    /// Just this node.
    pub fn node(id: NodeId) -> Self {
        Self { nodes: BTreeSet::from([id]), links: BTreeSet::new() }
    }

    /// Just this link.
    pub fn link(id: LinkId) -> Self {
        Self { nodes: BTreeSet::new(), links: BTreeSet::from([id]) }
    }

    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.links.is_empty()
    }

    /// The one selected node, if it is just one and no link.
    pub fn single_node(&self) -> Option<&NodeId> {
        if self.links.is_empty() && self.nodes.len() == 1 { self.nodes.first() } else { None }
    }

    /// The one selected link, if it is just one and no node.
    pub fn single_link(&self) -> Option<&LinkId> {
        if self.nodes.is_empty() && self.links.len() == 1 { self.links.first() } else { None }
    }
}

/// Where something is that can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A node: select it and bring it into view.
    Node(NodeId),
    /// A link: select it and bring it into view.
    Link(LinkId),
}

/// What a part of the window asks for. `App::logic` carries it out through the session before the next frame.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Something of the one action list.
    Action(Action),
    /// A change of the flow.
    Edit(Box<Edit>),
    /// Another selection.
    Select(Selection),
    /// Bring something into view and select it.
    Show(Target),
    /// Make a producer emit (or a service take a call): node, how many, data as JSON in place of its own.
    Fire(NodeId, u32, Option<String>),
    /// Break a node or a link of the run now.
    Break(FaultTarget, FaultKind),
    /// Heal it: every fault about it is over.
    Heal(FaultTarget),
    /// Let the subscription of a link go on reading at another place of its logs.
    Seek(LinkId, StartAt),
    /// Open the dialog that asks where to.
    SeekDialog(LinkId),
    /// Show an event type's settings.
    ShowEventType(EventName),
    /// Show what is expected of the flow, with the settings of this one.
    ShowExpectations(Option<ExpectationName>),
    /// Let the person type a node's name.
    Rename(NodeId),
    /// Open the dialog that fires a node: many at once, with data of one's own.
    FireDialog(NodeId),
    /// Show an event's card.
    OpenEvent(EventRef),
    /// Ask for an event's card anew, without changing which is shown.
    AskEvent(EventRef),
    /// Show the events that wait in front of a node.
    OpenQueue(NodeId),
    /// Another speed.
    Speed(Speed),
    /// Place a new node of this kind here, connected from this node if one is named; it becomes the selection.
    Place {
        /// What to place.
        kind: KindTag,
        /// Where, on the canvas.
        at: Point,
        /// Connected from.
        from: Option<NodeId>,
    },
    /// Connect two nodes; refusals are explained where the pointer is. With a bus put between where that mends it.
    Connect {
        /// From.
        from: NodeId,
        /// To.
        to: NodeId,
        /// Whether a bus is to be put between them.
        bus_between: bool,
    },
    /// Paste the clipboard's text around this place.
    Paste(String, Point),
    /// Open the search for something to add here, connected from this node if one is named.
    QuickAdd {
        /// Where, on the canvas.
        at: Point,
        /// Connected from.
        from: Option<NodeId>,
    },
    /// Place a new node of this kind into a link, so that what goes along it goes through the node; or say why not.
    Insert {
        /// What to place.
        kind: KindTag,
        /// Where, on the canvas.
        at: Point,
        /// Into which link.
        link: LinkId,
    },
    /// Open the search for something to put into a link.
    QuickInsert {
        /// Where, on the canvas.
        at: Point,
        /// Into which link.
        link: LinkId,
    },
    /// Open a flow file, after the question for unsaved changes.
    OpenFile(PathBuf),
    /// Open an example, after the question for unsaved changes.
    OpenExample(String),
    /// Save to this file, whatever it holds.
    SaveTo(PathBuf),
    /// Read the bound file anew, after the question for unsaved changes.
    Reload,
    /// Save over the bound file, though another program has changed it.
    KeepMine,
    /// Say something in a passing note at the window's edge.
    Toast(String),
}

impl Ask {
    /// Asks for a change of the flow.
    pub fn edit(edit: Edit) -> Self {
        Self::Edit(Box::new(edit))
    }
}

/// What the window remembers from frame to frame that its parts may read.
#[derive(Clone, Debug)]
pub struct ViewState {
    /// What is selected.
    pub selection: Selection,
    /// What is to be brought into view, until the canvas has done it.
    pub show: Option<Target>,
    /// The whole flow is to be brought into view, until the canvas has done it.
    pub fit: bool,
    /// Zoom changes that were asked for by key or menu, until the canvas has done them; 1.0 is none.
    pub zoom_by: f32,
    /// The canvas' zoom, for the status bar: 1.0 is 100 %.
    pub zoom: f32,
    /// The middle of what the canvas shows, where new and pasted things go when there is no pointer.
    pub middle: Point,
    /// Fewer moving things, for those whom they disturb.
    pub reduced_motion: bool,
    /// Events also differ by shape.
    pub event_shapes: bool,
    /// The speed that the next run begins with.
    pub speed: Speed,
}

impl Default for ViewState {
    fn default() -> Self {
        Self {
            selection: Selection::default(),
            show: None,
            fit: false,
            zoom_by: 1.0,
            zoom: 1.0,
            middle: Point(0, 0),
            reduced_motion: false,
            event_shapes: false,
            speed: Speed::default(),
        }
    }
}

/// What each part of the window is given: everything to read, and a way to ask.
pub struct ViewCtx<'a> {
    /// The session, to read.
    pub session: &'a Session,
    /// The look at the run that this whole frame draws.
    pub live: &'a Arc<LiveView>,
    /// The virtual instant that this whole frame draws.
    pub playhead: SimTime,
    /// The problems of the flow.
    pub problems: &'a Arc<[Problem]>,
    /// What the window remembers.
    pub view: &'a ViewState,
    /// Colours, sizes, fonts.
    pub theme: &'a Theme,
    /// What was asked so far in this frame.
    pub asks: &'a RefCell<Vec<Ask>>,
}

impl ViewCtx<'_> {
    /// Asks for something.
    pub fn ask(&self, ask: Ask) {
        self.asks.borrow_mut().push(ask);
    }

    /// Asks for something of the action list.
    pub fn act(&self, action: Action) {
        self.ask(Ask::Action(action));
    }
}
