//! The settings of one link: publishing, subscribing, calling.

use egui::{Align, Layout, RichText, Ui};
use egui_phosphor::regular as ph;

use crate::edit::Edit;
use crate::gui::action::Action;
use crate::gui::fields::{self, Form, Suggestion, name};
use crate::gui::view::{Ask, Target, ViewCtx};
use crate::gui::widgets;
use crate::model::{
    Backoff, Call, Guarantee, Jitter, Link, LinkId, LinkKind, NodeId, Preset, Publish, QueueLimit, Share, SimDuration,
    StartAt, Subscription, TopicName, WhenFull,
};
use crate::plan::Place;

use super::{dead_letter_queues, event_offers, guards, live, presets, problems_ui, waiting};

/// Draws a link's head, figures, problems and settings.
pub(super) fn link_ui(ctx: &ViewCtx<'_>, id: &LinkId, ui: &mut Ui) {
    let Some(link) = ctx.session.flow().link(id) else { return };
    let form = Form::new(ctx, Place::Link(id.clone(), None));
    let mut next = link.clone();
    head(ctx, ui, link);
    live::link_figures(ctx, id, ui);
    if let LinkKind::Subscribe(subscription) = &mut next.kind {
        ui.add_space(ctx.theme.space.xs);
        ui.horizontal(|ui| {
            let presets = Preset::<Subscription>::SUBSCRIPTIONS;
            presets::like_ui(ctx, ui, "this subscription", presets, subscription);
            if ctx.live.state.is_alive() {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let text = RichText::new(Action::Replay.label()).size(ctx.theme.sizes.small);
                    if ui.button(text).on_hover_text(Action::Replay.tip()).clicked() {
                        ctx.act(Action::Replay);
                    }
                });
            }
        });
    }
    problems_ui(ctx, ui, |place| matches!(place, Place::Link(at, _) if at == id));
    let events = event_offers(ctx);
    match &mut next.kind {
        LinkKind::Publish(publish) => publish_ui(&form, ui, publish, &events),
        LinkKind::Subscribe(subscription) => subscription_ui(&form, ui, &link.from, subscription, &events),
        LinkKind::Call(call) => call_ui(&form, ui, call, &events),
    }
    form.section(ui, "Way");
    let delay = name("Delay", "How long an event is on its way; never stretched for the picture's sake", "delay");
    if let Some(new) = form.value(ui, delay, &next.delay) {
        next.delay = new;
    }
    let note = name("Note", "What a reader of this drawing should know", "note");
    if let Some(new) = form.prose(ui, note, &next.note, "", 2) {
        next.note = new;
    }
    if next != *link {
        ctx.ask(Ask::edit(Edit::SetLink(id.clone(), next)));
    }
}

fn head(ctx: &ViewCtx<'_>, ui: &mut Ui, link: &Link) {
    let theme = ctx.theme;
    let (word, tip) = match &link.kind {
        LinkKind::Publish(_) => ("Publishes to", "Which emitted events go to a bus, and into which topic"),
        LinkKind::Subscribe(_) => {
            ("Subscription", "Which records of a bus come here, who shares them, how they are handed over")
        }
        LinkKind::Call(_) => ("Call", "Events go straight to another service, with no bus between"),
    };
    ui.horizontal(|ui| {
        ui.label(RichText::new(ph::FLOW_ARROW).font(theme.words(theme.sizes.icon)).color(theme.dim));
        ui.label(widgets::dim(theme, word)).on_hover_text(tip);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            widgets::action_button(ui, ctx, ph::TRASH, Action::Delete, true);
        });
    });
    let flow = ctx.session.flow();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme.space.s;
        end(ctx, ui, &link.from, &flow.title(&link.from));
        ui.label(RichText::new(ph::ARROW_RIGHT).color(theme.faint));
        end(ctx, ui, &link.to, &flow.title(&link.to));
    });
}

/// One end of the link, as a way to get there.
fn end(ctx: &ViewCtx<'_>, ui: &mut Ui, id: &NodeId, title: &str) {
    let text = RichText::new(title).font(ctx.theme.strong(ctx.theme.sizes.title)).color(ctx.theme.text);
    if fields::flush_button(ui, text).on_hover_text("Shows this node").clicked() {
        ctx.ask(Ask::Show(Target::Node(id.clone())));
    }
}

fn publish_ui(form: &Form<'_>, ui: &mut Ui, publish: &mut Publish, events: &[Suggestion]) {
    form.section(ui, "What goes along it");
    let title = name("Events", "The event types that take this way; none named means all", "events");
    if let Some(new) = form.patterns(
        ui,
        title,
        &publish.events,
        if publish.events.is_empty() { "all" } else { "add one more" },
        events,
    ) {
        publish.events = new;
    }
    let topic = name("Topic", "Where they go; empty means the topic of the event type's name", "topic");
    if let Some(new) = form.optional_suggested::<TopicName>(ui, topic, &publish.topic, "of the event type", events) {
        publish.topic = new;
    }
}

fn subscription_ui(form: &Form<'_>, ui: &mut Ui, bus: &NodeId, sub: &mut Subscription, events: &[Suggestion]) {
    form.section(ui, "What comes here");
    let flow = form.ctx.session.flow();
    let color =
        |topic: &TopicName| events.iter().find(|(event, _)| event == topic.as_str()).and_then(|(_, color)| *color);
    let topics: Vec<Suggestion> = flow.topics_of(bus).iter().map(|topic| (topic.to_string(), color(topic))).collect();
    let tip = "The topics; none named means all. * stands for one part between dots, > for the rest";
    let hint = if sub.topics.is_empty() { "all topics" } else { "add one more" };
    if let Some(new) = form.patterns(ui, name("Topics", tip, "topics"), &sub.topics, hint, &topics) {
        sub.topics = new;
    }
    let tip = "Only records for which this is true, as in event.data.magnitude >= 5";
    if let Some(new) = form.condition(ui, name("Filter", tip, "filter"), &sub.filter, "everything") {
        sub.filter = new;
    }
    form.section(ui, "Who shares them");
    let group = sub.group.clone().unwrap_or_default();
    let tip = "All links of one bus with the same group are one subscription and share its records";
    if let Some(new) = form.words(ui, name("Group", tip, "group"), &group, "none: it gets all") {
        sub.group = (!new.is_empty()).then_some(new);
    }
    if sub.group.is_some() {
        let shares = [
            (Share::Queue, "Any member", "Any member takes the next record, as with SQS, RabbitMQ and JetStream"),
            (Share::Partition, "By partition", "Each member owns some of the partitions, as with Kafka"),
        ];
        if let Some(new) =
            form.choice(ui, name("Share", "How the members of the group share", "share"), sub.share, &shares)
        {
            sub.share = new;
        }
    }
    starts_ui(form, ui, &mut sub.from);
    let tip = "Whether what a seek brings once more has its effects once more; without it nothing is emitted then";
    let title = name("Replays have effects", tip, "replay_emits");
    if let Some(new) = form.toggle(ui, title, sub.replay_emits) {
        sub.replay_emits = new;
    }
    form.section(ui, "Delivery");
    let guarantees = [
        (
            Guarantee::AtLeastOnce,
            "At least once",
            "Settled when the handler has finished; handed over again until then",
        ),
        (Guarantee::AtMostOnce, "At most once", "Settled at hand-over; a crash or failure loses it"),
    ];
    if let Some(new) = form.choice(
        ui,
        name("Guarantee", "What is promised about each record", "guarantee"),
        sub.guarantee,
        &guarantees,
    ) {
        sub.guarantee = new;
    }
    if sub.guarantee == Guarantee::AtLeastOnce {
        let wait = name(
            "Ack wait",
            "How long after hand-over an acknowledgement is awaited; then it is handed over again",
            "ack_wait",
        );
        if let Some(new) = form.value(ui, wait, &sub.ack_wait) {
            sub.ack_wait = new;
        }
        deliveries(form, ui, &mut sub.deliveries);
        backoff_ui(form, ui, &mut sub.backoff);
    }
    let most = name("In flight", "At most so many unsettled records in all", "max_in_flight");
    if let Some(new) = form.whole(ui, most, u64::from(sub.max_in_flight), (1, 1_000_000)) {
        sub.max_in_flight = new as u32;
    }
    let tip = "At most so many unsettled records at one member; empty means twice what it can handle at once";
    let prefetch = sub.prefetch.map(u64::from);
    if let Some(new) =
        form.optional_whole(ui, name("Prefetch", tip, "prefetch"), prefetch, (1, 1_000_000), "twice its capacity")
    {
        sub.prefetch = new.map(|new| new as u32);
    }
    queue_ui(form, ui, &mut sub.queue);
    dead_letters(form, ui, &mut sub.dead_letters, "As the bus says");
    waiting::waiting_ui(form, ui, sub);
    guards::subscription_ui(form, ui, sub);
}

#[derive(Clone, Copy, PartialEq)]
enum StartTag {
    End,
    Start,
    Offset,
    At,
}

/// Where in the log it starts.
fn starts_ui(form: &Form<'_>, ui: &mut Ui, from: &mut StartAt) {
    let tag = match from {
        StartAt::End => StartTag::End,
        StartAt::Start => StartTag::Start,
        StartAt::Offset(_) => StartTag::Offset,
        StartAt::At(_) => StartTag::At,
    };
    let tags = [
        (StartTag::End, "Next record", "What came before is not for it"),
        (StartTag::Start, "Oldest kept", "It reads what is still kept first"),
        (StartTag::Offset, "At an offset", "With the record of this offset, in each partition"),
        (StartTag::At, "At a time", "With the first record that was stored at this time or later"),
    ];
    let tip =
        "Where in the log it starts when it is added while the flow runs; a change of it seeks one that runs there";
    if let Some(new) = form.choice(ui, name("Starts", tip, "from"), tag, &tags) {
        *from = match new {
            StartTag::End => StartAt::End,
            StartTag::Start => StartAt::Start,
            StartTag::Offset => StartAt::Offset(0),
            StartTag::At => StartAt::At(SimDuration::ZERO),
        };
        return;
    }
    match from {
        StartAt::End | StartAt::Start => {}
        StartAt::Offset(offset) => {
            let title = name("  offset", "Counted from 0 in each partition", "from");
            if let Some(new) = form.whole(ui, title, *offset, (0, u64::MAX)) {
                *offset = new;
            }
        }
        StartAt::At(time) => {
            let title = name("  time", "Counted from the beginning of the run", "from");
            if let Some(new) = form.value(ui, title, time) {
                *time = new;
            }
        }
    }
}

fn call_ui(form: &Form<'_>, ui: &mut Ui, call: &mut Call, events: &[Suggestion]) {
    form.section(ui, "What goes along it");
    let title = name("Events", "The event types that take this way; none named means all", "events");
    let hint = if call.events.is_empty() { "all" } else { "add one more" };
    if let Some(new) = form.patterns(ui, title, &call.events, hint, events) {
        call.events = new;
    }
    form.section(ui, "Delivery");
    deliveries(form, ui, &mut call.deliveries);
    if call.deliveries > 1 {
        backoff_ui(form, ui, &mut call.backoff);
    }
    queue_ui(form, ui, &mut call.queue);
    dead_letters(form, ui, &mut call.dead_letters, "Nowhere");
    guards::call_ui(form, ui, call);
}

fn deliveries(form: &Form<'_>, ui: &mut Ui, value: &mut u32) {
    let title = name("Deliveries", "How often it is handed over at most, the first time included", "deliveries");
    if let Some(new) = form.whole(ui, title, u64::from(*value), (1, 1_000_000)) {
        *value = new as u32;
    }
}

fn dead_letters(form: &Form<'_>, ui: &mut Ui, value: &mut Option<NodeId>, otherwise: &str) {
    let mut queues = vec![(None, otherwise.to_owned())];
    queues.extend(dead_letter_queues(form.ctx).into_iter().map(|(id, title)| (Some(id), title)));
    if let Some(new) =
        form.pick(ui, name("Dead letters", "Where it goes when it is given up", "dead_letters"), value, &queues)
    {
        *value = new;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum BackoffTag {
    None,
    Fixed,
    Exponential,
}

fn backoff_ui(form: &Form<'_>, ui: &mut Ui, value: &mut Backoff) {
    let tag = match value {
        Backoff::None => BackoffTag::None,
        Backoff::Fixed(_) => BackoffTag::Fixed,
        Backoff::Exponential { .. } => BackoffTag::Exponential,
    };
    let tags = [
        (BackoffTag::None, "At once", "It is handed over again at once"),
        (BackoffTag::Fixed, "Fixed", "Always after the same time"),
        (BackoffTag::Exponential, "Exponential", "After a time that doubles with each attempt"),
    ];
    if let Some(new) =
        form.choice(ui, name("Backoff", "How long after a failure it is handed over again", "backoff"), tag, &tags)
    {
        *value = match new {
            BackoffTag::None => Backoff::None,
            BackoffTag::Fixed => Backoff::Fixed(SimDuration::from_secs(1)),
            BackoffTag::Exponential => Backoff::default(),
        };
        return;
    }
    match value {
        Backoff::None => {}
        Backoff::Fixed(duration) => {
            if let Some(new) = form.value(ui, name("  after", "Always after this time", "backoff"), duration) {
                *duration = new;
            }
        }
        Backoff::Exponential { base, cap, jitter } => {
            if let Some(new) = form.value(ui, name("  first", "After the first failure", "backoff.base"), base) {
                *base = new;
            }
            if let Some(new) = form.value(ui, name("  longest", "Never longer than this", "backoff.cap"), cap) {
                *cap = new;
            }
            let jitters = [
                (Jitter::Full, "Full", "Anything from 0 to the full time: failed ones do not come back all at once"),
                (Jitter::None, "None", "Exactly the full time"),
            ];
            if let Some(new) = form.choice(
                ui,
                name("  jitter", "How much of it is left to chance", "backoff.jitter"),
                *jitter,
                &jitters,
            ) {
                *jitter = new;
            }
        }
    }
}

fn queue_ui(form: &Form<'_>, ui: &mut Ui, queue: &mut QueueLimit) {
    let records = name("Queue limit", "At most so many waiting records", "queue.records");
    if let Some(new) = form.whole(ui, records, queue.records, (1, u64::MAX)) {
        queue.records = new;
    }
    let bytes = name("Queue bytes", "At most so many waiting bytes", "queue.bytes");
    if let Some(new) = form.value(ui, bytes, &queue.bytes) {
        queue.bytes = new;
    }
    let policies = [
        (WhenFull::Block, "Publisher waits", "Backpressure: nothing is lost"),
        (WhenFull::DropOldest, "Drop the oldest", "The oldest waiting record is dropped"),
        (WhenFull::DropNewest, "Drop the newest", "The new record is dropped for this subscription"),
        (WhenFull::Reject, "Refuse the publish", "The publish is refused as a whole"),
    ];
    let title = name("When full", "What happens to the record that would be one too many", "queue.when_full");
    if let Some(new) = form.choice(ui, title, queue.when_full, &policies) {
        queue.when_full = new;
    }
}
