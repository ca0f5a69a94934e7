//! The searches that open over the window: commands and places, something to add, something to connect to.

use egui::{Align2, Area, Frame, Id, Margin, Order, Stroke, Ui};
use egui_phosphor::regular as ph;

use crate::gui::action::{Action, ActionGroup};
use crate::gui::build;
use crate::gui::icons;
use crate::gui::splice;
use crate::gui::view::{Ask, Target, ViewCtx};
use crate::model::{KindTag, LinkId, NodeId, Point};

use super::library;
use super::picker::{self, Item, Picked, PickerState};
use super::topbar;

/// Which search is open.
pub(crate) enum Search {
    /// Everything that can be done, and every place of the flow.
    Everything,
    /// A kind of node, placed here and connected from this node.
    Add {
        /// Where, on the canvas.
        at: Point,
        /// Connected from.
        from: Option<NodeId>,
    },
    /// A kind of node, put into this link.
    Insert {
        /// Where, on the canvas.
        at: Point,
        /// Into which link.
        link: LinkId,
    },
    /// A node to connect this one to.
    Connect(NodeId),
}

/// An open search.
pub(crate) struct SearchState {
    search: Search,
    picker: PickerState,
}

impl SearchState {
    /// Opens a search.
    pub(crate) fn new(search: Search) -> Self {
        Self { search, picker: PickerState::default() }
    }
}

/// Draws the open search; whether it stays open.
pub(crate) fn search_ui(ctx: &ViewCtx<'_>, state: &mut SearchState, ui: &Ui) -> bool {
    let theme = ctx.theme;
    let (hint, rows, items) = match &state.search {
        Search::Everything => ("Search for commands, nodes and event types", 12, everything(ctx)),
        Search::Add { at, from } => ("What should be added?", 7, kinds(ctx, *at, from.as_ref())),
        Search::Insert { at, link } => ("What should go into this link?", 7, insertions(ctx, *at, link)),
        Search::Connect(from) => ("Connect to", 10, targets(ctx, from)),
    };
    let width = if matches!(state.search, Search::Everything) { 560.0_f32 } else { 400.0 };
    let width = width.min(ui.ctx().content_rect().width() - theme.space.xl * 2.0);
    let id = Id::new("search");
    let frame = Frame::new()
        .fill(theme.panel)
        .stroke(Stroke::new(1.0, theme.edge))
        .corner_radius(theme.card_corners())
        .shadow(ui.visuals().window_shadow)
        .inner_margin(Margin::same(12));
    let area = Area::new(id).order(Order::Foreground).anchor(Align2::CENTER_TOP, [0.0, theme.panels.top + 40.0]);
    let shown = area.show(ui.ctx(), |ui| {
        frame.show(ui, |ui| {
            ui.set_width(width);
            picker::picker_ui(ui, theme, id, &mut state.picker, (hint, rows), &items)
        })
    });
    // The press that opened it does not close it: it was before the area was there.
    let elsewhere = ui.input(|input| {
        input.pointer.any_pressed() && input.pointer.interact_pos().is_some_and(|at| !shown.response.rect.contains(at))
    });
    match shown.inner.inner {
        Picked::Open => !elsewhere,
        Picked::Cancelled => false,
        Picked::One(ask) => {
            ctx.ask(ask);
            false
        }
    }
}

/// Actions that can be taken now, then nodes, event types, and what can be added.
fn everything(ctx: &ViewCtx<'_>) -> Vec<Item<Ask>> {
    let flow = ctx.session.flow();
    let actions = Action::ALL.into_iter().filter(|action| {
        !matches!(action, Action::Palette | Action::NextPanel | Action::PreviousPanel)
            && topbar::is_possible(ctx, *action)
    });
    let mut items: Vec<Item<Ask>> = actions
        .map(|action| Item {
            icon: group_icon(action.group()),
            color: None,
            label: action.label().to_owned(),
            aside: action.shortcut_text().unwrap_or_default(),
            means: Ask::Action(action),
        })
        .collect();
    items.extend(flow.nodes().iter().filter(|(_, node)| node.kind.tag() != KindTag::Note).map(|(id, node)| Item {
        icon: icons::kind(node.kind.tag()),
        color: None,
        label: node.title(id),
        aside: node.kind.tag().label().to_owned(),
        means: Ask::Show(Target::Node(id.clone())),
    }));
    let colors = flow.event_colors();
    items.extend(flow.event_names().into_iter().map(|name| Item {
        icon: ph::CIRCLE,
        color: colors.get(&name).map(|color| ctx.theme.event(*color)),
        label: name.to_string(),
        aside: "Event type".to_owned(),
        means: Ask::ShowEventType(name),
    }));
    let at = build::free_place(flow, ctx.view.middle);
    items.extend(KindTag::ALL.into_iter().map(|kind| Item {
        icon: icons::kind(kind),
        color: None,
        label: format!("Add {}", kind.label().to_lowercase()),
        aside: library::in_few_words(kind).to_owned(),
        means: Ask::Place { kind, at, from: None },
    }));
    items
}

const fn group_icon(group: ActionGroup) -> &'static str {
    match group {
        ActionGroup::File => ph::FILE,
        ActionGroup::Edit => ph::PENCIL_SIMPLE,
        ActionGroup::Run => ph::PLAY,
        ActionGroup::View => ph::EYE,
        ActionGroup::Help => ph::QUESTION,
    }
}

/// Every kind, those first that go with what is selected.
fn kinds(ctx: &ViewCtx<'_>, at: Point, from: Option<&NodeId>) -> Vec<Item<Ask>> {
    let item = |kind: KindTag| Item {
        icon: icons::kind(kind),
        color: None,
        label: kind.label().to_owned(),
        aside: library::in_few_words(kind).to_owned(),
        means: Ask::Place { kind, at, from: from.cloned() },
    };
    let mut kinds = KindTag::ALL.to_vec();
    if let Some(from) = from {
        kinds.sort_by_key(|kind| build::fit(ctx.session.flow(), from, *kind));
    }
    kinds.into_iter().map(item).collect()
}

/// Every kind that can go into a link.
fn insertions(ctx: &ViewCtx<'_>, at: Point, link: &LinkId) -> Vec<Item<Ask>> {
    let flow = ctx.session.flow();
    let item = |kind: KindTag| Item {
        icon: icons::kind(kind),
        color: None,
        label: kind.label().to_owned(),
        aside: library::in_few_words(kind).to_owned(),
        means: Ask::Insert { kind, at, link: link.clone() },
    };
    KindTag::ALL.into_iter().filter(|kind| splice::fits(flow, *kind, link).is_ok()).map(item).collect()
}

/// Every node that this one can be connected to, and what that would be.
fn targets(ctx: &ViewCtx<'_>, from: &NodeId) -> Vec<Item<Ask>> {
    let flow = ctx.session.flow();
    let item = |(to, node): (&NodeId, &crate::model::Node)| {
        build::connect(flow, from, to, true).ok()?;
        let aside = match flow.possible_link(from, to) {
            Ok(Some(crate::model::LinkKind::Publish(_))) => "publishes to it",
            Ok(Some(crate::model::LinkKind::Subscribe(_))) => "subscribes",
            Ok(Some(crate::model::LinkKind::Call(_))) => "calls it",
            Ok(None) => "sends dead letters",
            Err(_) => "with a bus between",
        };
        Some(Item {
            icon: icons::kind(node.kind.tag()),
            color: None,
            label: node.title(to),
            aside: aside.to_owned(),
            means: Ask::Connect { from: from.clone(), to: to.clone(), bus_between: true },
        })
    };
    flow.nodes().iter().filter_map(item).collect()
}
