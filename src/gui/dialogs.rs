//! Questions and pages that stand in front of everything: unsaved work, files that cannot be read, firing, export, help.

use std::path::{Path, PathBuf};

use egui::{Frame, Id, Key, Margin, Modal, RichText, Stroke, Ui, Vec2};
use egui_phosphor::regular as ph;

use crate::model::NodeId;
use crate::session::ExportFormat;

use super::action::{Action, ActionGroup};
use super::fields;
use super::format;
use super::seek::{Seek, seek_ui};
use super::theme::Theme;
use super::view::{Ask, ViewCtx};
use super::widgets;

/// What goes on after unsaved work is dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Begin an empty flow.
    New,
    /// Choose a file to open.
    Choose,
    /// Open this file.
    Open(PathBuf),
    /// Open this example.
    Example(String),
    /// Read the bound file anew.
    Reload,
    /// Close the window.
    Quit,
}

/// A page in front of everything.
pub(crate) enum Dialog {
    /// Save, or lose it?
    Unsaved(Then),
    /// A file that holds no flow: what is wrong, and its text.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong, each with line and column.
        faults: Vec<String>,
        /// What it holds.
        text: String,
    },
    /// Make a node emit.
    Fire(Fire),
    /// Let a subscription read again.
    Seek(Seek),
    /// Which format?
    Export,
    /// Keys and actions.
    Help,
}

/// What is about to be fired.
pub(crate) struct Fire {
    /// The node.
    pub node: NodeId,
    /// Data as JSON; empty means the node's own.
    pub data: String,
    /// How many.
    pub count: String,
}

/// What a person decided.
pub(crate) enum Decision {
    /// Nothing yet.
    Open,
    /// To close it.
    Close,
    /// To save, then go on.
    SaveThen(Then),
    /// To lose what is unsaved and go on.
    LoseThen(Then),
    /// To export in this format.
    Export(ExportFormat),
}

/// Draws a dialog and says what was decided.
pub(crate) fn dialog_ui(ctx: &ViewCtx<'_>, dialog: &mut Dialog, ui: &Ui) -> Decision {
    let theme = ctx.theme;
    let frame = Frame::new()
        .fill(theme.panel)
        .stroke(Stroke::new(1.0, theme.edge))
        .corner_radius(theme.card_corners())
        .shadow(ui.visuals().window_shadow)
        .inner_margin(Margin::same(20));
    let id = match dialog {
        Dialog::Unsaved(_) => "unsaved",
        Dialog::Unreadable { .. } => "unreadable",
        Dialog::Fire(_) => "fire",
        Dialog::Seek(_) => "seek",
        Dialog::Export => "export",
        Dialog::Help => "help",
    };
    let modal = Modal::new(Id::new(("dialog", id))).frame(frame).backdrop_color(theme.scrim);
    let shown = modal.show(ui.ctx(), |ui| match dialog {
        Dialog::Unsaved(then) => unsaved_ui(ctx, then, ui),
        Dialog::Unreadable { path, faults, text } => unreadable_ui(theme, path, faults, text, ui),
        Dialog::Fire(fire) => fire_ui(ctx, fire, ui),
        Dialog::Seek(seek) => seek_ui(ctx, seek, ui),
        Dialog::Export => export_ui(theme, ui),
        Dialog::Help => help_ui(theme, ui),
    });
    if shown.should_close() && matches!(shown.inner, Decision::Open) { Decision::Close } else { shown.inner }
}

/// What a dialog is about.
pub(super) fn title(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.label(RichText::new(text).font(theme.strong(theme.sizes.title)));
    ui.add_space(theme.space.s);
}

/// The button that does what the dialog is for.
pub(super) fn primary(ui: &mut Ui, theme: &Theme, label: &str, enabled: bool) -> egui::Response {
    let text = RichText::new(label).font(theme.strong(theme.sizes.body)).color(theme.on_accent);
    ui.add_enabled(enabled, egui::Button::new(text).fill(theme.accent).min_size(Vec2::new(80.0, 28.0)))
}

/// A button that does something else, or nothing.
pub(super) fn secondary(ui: &mut Ui, label: &str) -> egui::Response {
    ui.add(egui::Button::new(label).min_size(Vec2::new(80.0, 28.0)))
}

fn unsaved_ui(ctx: &ViewCtx<'_>, then: &Then, ui: &mut Ui) -> Decision {
    let theme = ctx.theme;
    ui.set_width(380.0);
    title(ui, theme, &format!("Save “{}”?", format::flow_title(ctx.session)));
    let what = match then {
        Then::Reload => {
            "It was changed here and on disk. What was changed here will be lost unless it is saved under another name."
        }
        _ => "There are changes that are not saved. They will be lost if you do not save them.",
    };
    ui.add(egui::Label::new(widgets::dim(theme, what)).wrap());
    ui.add_space(theme.space.l);
    let mut decision = Decision::Open;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let save = primary(ui, theme, "Save", true);
        // Enter saves: the answer that loses nothing.
        if ui.memory(|memory| memory.focused().is_none()) {
            save.request_focus();
        }
        if save.clicked() {
            decision = Decision::SaveThen(then.clone());
        }
        if secondary(ui, "Don't save").clicked() {
            decision = Decision::LoseThen(then.clone());
        }
        if secondary(ui, "Cancel").clicked() {
            decision = Decision::Close;
        }
    });
    decision
}

fn unreadable_ui(theme: &Theme, path: &Path, faults: &[String], text: &str, ui: &mut Ui) -> Decision {
    ui.set_width(ui.ctx().content_rect().width().min(820.0) - 80.0);
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    title(ui, theme, &format!("“{name}” holds no flow that can be read"));
    for fault in faults.iter().take(6) {
        ui.horizontal_top(|ui| {
            ui.label(RichText::new(ph::WARNING_CIRCLE).color(theme.bad));
            ui.add(egui::Label::new(RichText::new(fault).font(theme.mono(theme.sizes.small))).wrap());
        });
    }
    if faults.len() > 6 {
        ui.label(widgets::hint(theme, format!("and {} more", faults.len() - 6)));
    }
    ui.add_space(theme.space.s);
    ui.label(widgets::hint(theme, "The file is as it was; it is shown here and cannot be changed"));
    let wrong: Vec<usize> = faults.iter().filter_map(|fault| fault.split(':').next()?.trim().parse().ok()).collect();
    let lines: Vec<&str> = text.lines().collect();
    let height = ui.ctx().content_rect().height() * 0.45;
    let row = 18.0;
    Frame::new().fill(theme.field).corner_radius(theme.control_corners()).inner_margin(Margin::same(8)).show(
        ui,
        |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.spacing_mut().interact_size.y = row;
            let mut area =
                egui::ScrollArea::both().id_salt("unreadable").max_height(height).auto_shrink([false, false]);
            let seen = Id::new(("unreadable seen", path));
            let first_time = !ui.data_mut(|data| std::mem::replace(data.get_temp_mut_or_default::<bool>(seen), true));
            if let Some(first) = wrong.first().filter(|_| first_time) {
                area = area.vertical_scroll_offset((*first as f32 - 6.0).max(0.0) * row);
            }
            area.show_rows(ui, row, lines.len(), |ui, range| {
                for number in range {
                    let is_wrong = wrong.contains(&(number + 1));
                    let color = if is_wrong { theme.bad } else { theme.text };
                    ui.horizontal(|ui| {
                        ui.label(
                            RichText::new(format!("{:>5}", number + 1))
                                .font(theme.mono(theme.sizes.tiny))
                                .color(theme.faint),
                        );
                        let line: String = lines[number].chars().take(400).collect();
                        ui.label(RichText::new(line).font(theme.mono(theme.sizes.small)).color(color));
                    });
                }
            });
        },
    );
    ui.add_space(theme.space.m);
    let mut decision = Decision::Open;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if primary(ui, theme, "Close", true).clicked() {
            decision = Decision::Close;
        }
    });
    decision
}

fn fire_ui(ctx: &ViewCtx<'_>, fire: &mut Fire, ui: &mut Ui) -> Decision {
    let theme = ctx.theme;
    ui.set_width(420.0);
    title(ui, theme, &format!("Fire {}", ctx.session.flow().title(&fire.node)));
    ui.label(widgets::dim(theme, "Data as JSON; empty means its own"));
    fields::json_area(ui, theme, Id::new("fire data"), &mut fire.data, 8, "Data");
    let data = fire.data.trim();
    let fault = if data.is_empty() { None } else { data.parse::<crate::model::JsonText>().err() };
    if let Some(fault) = &fault {
        ui.label(RichText::new(fault).size(theme.sizes.tiny).color(theme.bad));
    }
    ui.add_space(theme.space.s);
    let count: Option<u32> = fire.count.trim().parse().ok().filter(|count| (1..=100_000).contains(count));
    ui.horizontal(|ui| {
        ui.label(widgets::dim(theme, "How many"));
        ui.allocate_ui(Vec2::new(96.0, 24.0), |ui| {
            fields::search_field(ui, theme, Id::new("fire count"), &mut fire.count, "1", "How many");
        });
        for preset in ["1", "10", "100", "1000"] {
            if ui.button(widgets::figure(theme, preset)).clicked() {
                preset.clone_into(&mut fire.count);
            }
        }
    });
    if count.is_none() {
        ui.label(RichText::new("Write a whole number from 1 to 100000").size(theme.sizes.tiny).color(theme.bad));
    }
    ui.add_space(theme.space.l);
    let mut decision = Decision::Open;
    let ready = fault.is_none() && count.is_some();
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let by_key = ui.input(|input| input.modifiers.command && input.key_pressed(Key::Enter));
        let response = primary(ui, theme, "Fire", ready);
        if ready && (response.clicked() || by_key) {
            let data = (!data.is_empty()).then(|| data.to_owned());
            ctx.ask(Ask::Fire(fire.node.clone(), count.unwrap_or(1), data));
            decision = Decision::Close;
        }
        if secondary(ui, "Cancel").clicked() {
            decision = Decision::Close;
        }
    });
    decision
}

fn export_ui(theme: &Theme, ui: &mut Ui) -> Decision {
    ui.set_width(360.0);
    title(ui, theme, "Export the drawing");
    let mut decision = Decision::Open;
    for (format, about) in [
        (ExportFormat::Mermaid, "Text that Markdown pages show as a picture"),
        (ExportFormat::Dot, "Text that Graphviz lays out as a picture"),
        (ExportFormat::Ron, "The flow file itself, in the form in which it is saved"),
    ] {
        if secondary_wide(ui, theme, format.label(), about).clicked() {
            decision = Decision::Export(format);
        }
    }
    ui.add_space(theme.space.s);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        if secondary(ui, "Cancel").clicked() {
            decision = Decision::Close;
        }
    });
    decision
}

/// A button as wide as its dialog, with a line that says what it is for.
fn secondary_wide(ui: &mut Ui, theme: &Theme, label: &str, about: &str) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 48.0), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, label));
    let fill = if response.hovered() || response.has_focus() { theme.line } else { theme.raised };
    ui.painter().rect_filled(rect, theme.control_corners(), fill);
    widgets::focus_ring(ui, theme, &response);
    let at = rect.left_top() + Vec2::new(theme.space.m, 7.0);
    ui.painter().text(at, egui::Align2::LEFT_TOP, label, theme.words(theme.sizes.body), theme.text);
    let at = at + Vec2::new(0.0, 18.0);
    ui.painter().text(at, egui::Align2::LEFT_TOP, about, theme.words(theme.sizes.tiny), theme.dim);
    response
}

/// What the pointer does on the canvas; keys come from the action list.
const POINTER: [(&str, &str); 10] = [
    ("Drag from a port", "Connects; dropped on empty canvas it asks what to add"),
    ("Drag a card", "Moves it and what else is selected"),
    ("Drag on empty canvas", "Selects what is inside the box"),
    ("Shift or Ctrl and press", "Selects one more, or one less"),
    ("Double-press empty canvas", "Searches for something to add"),
    ("Double-press a card", "Renames it"),
    ("Wheel, middle drag, Space and drag", "Moves the view"),
    ("Ctrl and wheel, pinch", "Zooms about the pointer"),
    ("Press an event or a log line", "Shows the event's card"),
    ("Right press", "What can be done here"),
];

fn help_ui(theme: &Theme, ui: &mut Ui) -> Decision {
    let room = ui.ctx().content_rect().size();
    ui.set_width(room.x.min(900.0) - 80.0);
    let mut decision = Decision::Open;
    ui.horizontal(|ui| {
        ui.label(RichText::new("Keys and actions").font(theme.strong(theme.sizes.title)));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if widgets::icon_button(ui, theme, ph::X, "Close", "Closes this page", true).clicked() {
                decision = Decision::Close;
            }
        });
    });
    ui.add_space(theme.space.s);
    egui::ScrollArea::vertical().id_salt("help").max_height(room.y - 160.0).min_scrolled_height(room.y - 160.0).show(
        ui,
        |ui| {
            ui.columns(2, |columns| {
                let halves: [&[ActionGroup]; 2] = [
                    &[ActionGroup::File, ActionGroup::Run],
                    &[ActionGroup::Edit, ActionGroup::View, ActionGroup::Help],
                ];
                for (column, groups) in columns.iter_mut().zip(halves) {
                    for group in groups {
                        help_group(theme, column, *group);
                    }
                }
                let column = &mut columns[0];
                help_head(theme, column, "On the canvas");
                for (gesture, meaning) in POINTER {
                    help_row(theme, column, gesture, "", meaning);
                }
            });
        },
    );
    decision
}

fn help_head(theme: &Theme, ui: &mut Ui, text: &str) {
    ui.add_space(theme.space.m);
    ui.label(RichText::new(text).font(theme.strong(theme.sizes.small)).color(theme.dim));
    ui.add_space(theme.space.xs);
}

fn help_group(theme: &Theme, ui: &mut Ui, group: ActionGroup) {
    help_head(theme, ui, group.label());
    for action in group.actions() {
        help_row(theme, ui, action.label(), &action.shortcut_text().unwrap_or_default(), action.tip());
    }
}

fn help_row(theme: &Theme, ui: &mut Ui, what: &str, key: &str, tip: &str) {
    let row = ui.horizontal(|ui| {
        ui.label(RichText::new(what).size(theme.sizes.small));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(theme.space.m);
            if key.is_empty() {
                ui.add(egui::Label::new(widgets::hint(theme, tip)).truncate());
            } else {
                ui.label(RichText::new(key).font(theme.mono(theme.sizes.tiny)).color(theme.dim));
            }
        });
    });
    row.response.on_hover_text(tip);
}

/// What an action that opens a dialog opens.
pub(crate) const fn of_action(action: Action) -> Option<Dialog> {
    match action {
        Action::Help => Some(Dialog::Help),
        Action::Export => Some(Dialog::Export),
        _ => None,
    }
}
