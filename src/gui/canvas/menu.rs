//! The menu of the right button: what can be done with what is under the pointer.

use egui::{Response, Ui};

use crate::gui::action::Action;
use crate::gui::seek;
use crate::gui::view::{Ask, Selection, ViewCtx};
use crate::gui::widgets;
use crate::model::{FaultKind, FaultTarget, KindTag};

use super::Canvas;
use super::hit::Hit;
use super::scene::{LinkKey, snapped};

impl Canvas {
    /// Shows the menu.
    pub(super) fn menu_ui(&mut self, ctx: &ViewCtx<'_>, response: &Response) {
        if response.secondary_clicked()
            && let Some(at) = response.interact_pointer_pos()
        {
            self.menu_for = self.hit(ctx, at);
            self.pointer = at;
            match self.menu_for {
                Hit::Link(link) => {
                    if let LinkKey::Link(id) = &self.scene.links[link as usize].key {
                        let selection = Selection::link(id.clone());
                        self.select(ctx, selection);
                    }
                }
                hit => {
                    if let Some(node) = self.node_of(hit) {
                        let id = self.scene.nodes[node as usize].id.clone();
                        // What is already selected with others stays so: the menu is about all of them.
                        if !ctx.view.selection.nodes.contains(&id) {
                            self.select(ctx, Selection::node(id));
                        }
                    }
                }
            }
        }
        let at = self.pointer;
        response.context_menu(|ui| match (self.menu_for, self.node_of(self.menu_for)) {
            (Hit::Link(link), _) => {
                if let LinkKey::Link(id) = &self.scene.links[link as usize].key {
                    if ui.button("Insert…").on_hover_text("Puts something into this link").clicked() {
                        ctx.ask(Ask::QuickInsert { at: snapped(self.camera.canvas(at)), link: id.clone() });
                        ui.close();
                    }
                    seek::menu_ui(ctx, ui, id);
                    break_ui(ctx, ui, &FaultTarget::Link(id.clone()), FaultKind::is_for_links);
                    ui.separator();
                }
                action_ui(ctx, ui, Action::Delete);
            }
            (_, Some(node)) => self.node_menu_ui(ctx, ui, node),
            (_, None) => {
                if ui.button(Action::QuickAdd.label()).clicked() {
                    ctx.ask(Ask::QuickAdd { at: snapped(self.camera.canvas(at)), from: None });
                    ui.close();
                }
                action_ui(ctx, ui, Action::Paste);
                ui.separator();
                action_ui(ctx, ui, Action::SelectAll);
                action_ui(ctx, ui, Action::Fit);
                action_ui(ctx, ui, Action::ZoomReset);
            }
        });
    }

    fn node_menu_ui(&self, ctx: &ViewCtx<'_>, ui: &mut Ui, node: u32) {
        let tag = self.scene.nodes[node as usize].tag;
        if tag == KindTag::Producer {
            action_ui(ctx, ui, Action::Fire);
        }
        if tag != KindTag::Note && tag != KindTag::DeadLetterQueue {
            action_ui(ctx, ui, Action::Connect);
        }
        if tag.subscribes() || tag == KindTag::DeadLetterQueue {
            let words = if tag.subscribes() { "Show what waits" } else { "Show dead letters" };
            if ui.button(words).clicked() {
                ctx.ask(Ask::OpenQueue(self.scene.nodes[node as usize].id.clone()));
                ui.close();
            }
        }
        if ctx.session.flow().node(&self.scene.nodes[node as usize].id).is_some_and(|node| node.kind.is_view()) {
            action_ui(ctx, ui, Action::Rebuild);
        }
        let on = FaultTarget::Node(self.scene.nodes[node as usize].id.clone());
        break_ui(ctx, ui, &on, |kind| kind.is_for_node(tag));
        ui.separator();
        for action in [Action::Cut, Action::Copy, Action::Duplicate] {
            action_ui(ctx, ui, action);
        }
        ui.separator();
        action_ui(ctx, ui, Action::Delete);
    }
}

/// What can break of a node or link, and how it is healed.
fn break_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, on: &FaultTarget, fits: impl Fn(&FaultKind) -> bool) {
    if !FaultKind::ALL.iter().any(&fits) {
        return;
    }
    widgets::submenu(ui, "Break", |ui| {
        for kind in FaultKind::ALL.into_iter().filter(|kind| fits(kind)) {
            if ui.button(kind.label()).clicked() {
                ctx.ask(Ask::Break(on.clone(), kind));
                ui.close();
            }
        }
    });
    let is_broken = match on {
        FaultTarget::Node(id) => ctx.live.faults_on_node(id).next().is_some(),
        FaultTarget::Link(id) => ctx.live.faults_on_link(id).next().is_some(),
        FaultTarget::Links(_) => false,
    };
    if is_broken && ui.button(Action::Heal.label()).on_hover_text(Action::Heal.tip()).clicked() {
        ctx.ask(Ask::Heal(on.clone()));
        ui.close();
    }
}

fn action_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, action: Action) {
    let mut button = egui::Button::new(action.label());
    if let Some(shortcut) = action.shortcut() {
        button = button.shortcut_text(ui.ctx().format_shortcut(&shortcut));
    }
    if ui.add(button).on_hover_text(action.tip()).clicked() {
        ctx.act(action);
        ui.close();
    }
}
