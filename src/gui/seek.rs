//! Reading again: where a subscription of the run is sent in its topics' logs, by menu and by dialog.

use egui::{Id, Key, RichText, Ui, Vec2};

use crate::model::{LinkId, NodeKind, QuantityError, SimDuration, StartAt};
use crate::session::Session;

use super::dialogs::{Decision, primary, secondary, title};
use super::fields;
use super::view::{Ask, Selection, ViewCtx};
use super::widgets;

/// How far back the menu goes without asking.
const A_WHILE: SimDuration = SimDuration::from_secs(60);

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Start,
    Time,
    Offset,
    End,
}

impl To {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Start, "From the start", "From the oldest record that is still kept"),
        (Self::Time, "From a time", "From the first record that was stored then or later"),
        (Self::Offset, "From an offset", "From the record of this offset, in each partition"),
        (Self::End, "Skip to the end", "Goes on with the next record; what waits is not read any more"),
    ];
}

/// What a person is about to ask for.
pub(crate) struct Seek {
    /// A link of the subscription.
    link: LinkId,
    to: To,
    time: String,
    offset: String,
}

impl Seek {
    /// A question about the subscription of this link, from `now` on.
    pub(crate) fn new(link: LinkId, now: SimDuration) -> Self {
        let back = SimDuration::from_nanos(now.as_nanos().saturating_sub(A_WHILE.as_nanos()));
        Self { link, to: To::Start, time: back.rounded().to_string(), offset: "0".to_owned() }
    }

    /// What was typed, as a place in the log; or what is wrong with it.
    fn place(&self) -> Result<StartAt, String> {
        Ok(match self.to {
            To::Start => StartAt::Start,
            To::End => StartAt::End,
            To::Time => {
                let wrong = |error: QuantityError| error.to_string();
                StartAt::At(self.time.trim().parse().map_err(wrong)?)
            }
            To::Offset => {
                let wrong = |_no_number| "Write a whole number from 0 on".to_owned();
                StartAt::Offset(self.offset.trim().parse().map_err(wrong)?)
            }
        })
    }
}

/// The menu of a link that is a subscription.
pub(crate) fn menu_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, link: &LinkId) {
    let drawn = ctx.session.flow().link(link);
    if drawn.and_then(|link| link.subscription()).is_none() || !ctx.live.state.is_alive() {
        return;
    }
    widgets::submenu(ui, "Replay", |ui| {
        let now = ctx.playhead.as_nanos();
        let lately = StartAt::At(SimDuration::from_nanos(now.saturating_sub(A_WHILE.as_nanos())));
        for (label, to) in
            [("From the start", StartAt::Start), ("The last minute", lately), ("Skip to the end", StartAt::End)]
        {
            if ui.button(label).clicked() {
                ctx.ask(Ask::Seek(link.clone(), to));
                ui.close();
            }
        }
        if ui.button("From…").on_hover_text("From a time or an offset").clicked() {
            ctx.ask(Ask::SeekDialog(link.clone()));
            ui.close();
        }
    });
}

/// The selected subscription, or the only one of the selected node.
pub(crate) fn selected(session: &Session, selection: &Selection) -> Option<LinkId> {
    let flow = session.flow();
    if let Some(link) = selection.single_link() {
        return flow.link(link)?.subscription().map(|_| link.clone());
    }
    let mut own = flow.links_to(selection.single_node()?).filter(|(_, link)| link.subscription().is_some());
    let (link, _) = own.next()?;
    own.next().is_none().then(|| link.clone())
}

/// Asks where to.
pub(crate) fn seek_ui(ctx: &ViewCtx<'_>, seek: &mut Seek, ui: &mut Ui) -> Decision {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    let Some((link, subscription)) = flow.link(&seek.link).and_then(|link| Some((link, link.subscription()?))) else {
        return Decision::Close;
    };
    ui.set_width(420.0);
    title(ui, theme, &format!("Replay for {}", flow.title(&link.to)));
    for (to, label, tip) in To::ALL {
        ui.scope(|ui| {
            widgets::outline_marks(ui, theme);
            ui.radio_value(&mut seek.to, to, label).on_hover_text(tip);
        });
        let field = match to {
            To::Time => Some((&mut seek.time, "Time", "counted from the beginning of the run")),
            To::Offset => Some((&mut seek.offset, "Offset", "counted from 0 in each partition")),
            To::Start | To::End => None,
        };
        if let (true, Some((text, label, tip))) = (seek.to == to, field) {
            ui.horizontal(|ui| {
                ui.add_space(theme.space.xl);
                ui.allocate_ui(Vec2::new(120.0, 24.0), |ui| {
                    fields::search_field(ui, theme, Id::new(("seek", label)), text, "", label);
                });
                ui.label(widgets::hint(theme, tip));
            });
        }
    }
    let place = seek.place();
    if let Err(error) = &place {
        ui.label(RichText::new(error).size(theme.sizes.tiny).color(theme.bad));
    }
    ui.add_space(theme.space.s);
    let what = match (seek.to, subscription.replay_emits) {
        (To::End, _) => "What waits is not read any more, and counts as purged.",
        (_, true) => {
            "What was settled from there on comes once more, marked as a replay, and has its effects once more."
        }
        (_, false) => "What was settled from there on comes once more, marked as a replay, and without its effects.",
    };
    ui.add(egui::Label::new(widgets::dim(theme, what)).wrap());
    let topics = match flow.node(&link.from).map(|node| &node.kind) {
        Some(NodeKind::Bus(bus)) => Some(&bus.topics),
        _ => None,
    };
    let mut read = topics.into_iter().flatten().filter(|(name, _)| subscription.takes_topic(name.as_str()));
    if seek.to != To::End && !read.any(|(_, topic)| topic.replays()) {
        let text = "None of its topics keeps what was settled: there is nothing to replay. Under Retention, let the topic \
                    go by limits alone and give it a time.";
        ui.add(egui::Label::new(RichText::new(text).size(theme.sizes.small).color(theme.warn)).wrap());
    }
    ui.add_space(theme.space.l);
    let mut decision = Decision::Open;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let replay = primary(ui, theme, "Replay", place.is_ok());
        let cancel = secondary(ui, "Cancel");
        let by_key = ui.input(|input| input.key_pressed(Key::Enter)) && !cancel.has_focus();
        if cancel.clicked() {
            decision = Decision::Close;
        } else if let (true, Ok(to)) = (replay.clicked() || by_key, &place) {
            ctx.ask(Ask::Seek(seek.link.clone(), *to));
            decision = Decision::Close;
        }
    });
    decision
}
