//! The settings of one node.

use std::collections::BTreeSet;

use egui::{RichText, Ui, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use crate::edit::Edit;
use crate::gui::action::Action;
use crate::gui::fields::{Form, Suggestion, add_button, name};
use crate::gui::icons;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{
    ByteSize, Consumer, DeadLetterQueue, Function, KindTag, Node, NodeId, NodeKind, Note, Pacing, Point, Preset,
    Producer, Service, limits,
};
use crate::plan::Place;

use super::{
    InspectorState, bus, dead_letter_queues, event_offers, guards, handlers, live, presets, problems_ui, store, stream,
    timing,
};

/// Draws a node's head, figures, problems and settings.
pub(super) fn node_ui(ctx: &ViewCtx<'_>, state: &mut InspectorState, id: &NodeId, ui: &mut Ui) {
    let Some(node) = ctx.session.flow().node(id) else { return };
    let form = Form::new(ctx, Place::Node(id.clone(), None));
    let mut next = node.clone();
    head(ctx, &form, state, id, node, &mut next, ui);
    live::node_figures(ctx, id, node.kind.tag(), ui);
    // What is wrong with how events come here is a setting of the links, but people look for it at the node.
    let flow = ctx.session.flow();
    problems_ui(ctx, ui, |place| match place {
        Place::Node(at, _) => at == id,
        Place::Link(link, _) => flow.link(link).is_some_and(|link| link.to == *id),
        Place::Flow | Place::Event(..) | Place::Fault(..) | Place::Expectation(..) => false,
    });
    let events = event_offers(ctx);
    match &mut next.kind {
        NodeKind::Producer(producer) => producer_ui(&form, ui, producer, &events, "Events"),
        NodeKind::Bus(bus) => bus::bus_ui(&form, ui, id, bus, &events),
        NodeKind::Consumer(consumer) => consumer_ui(&form, ui, consumer),
        NodeKind::Service(service) => service_ui(&form, ui, service, &events),
        NodeKind::Function(function) => function_ui(&form, ui, function, &events),
        NodeKind::Stream(stream) => stream::stream_ui(&form, ui, stream, &events),
        NodeKind::DeadLetterQueue(queue) => dead_letters_ui(&form, ui, queue),
        NodeKind::Store(store) => store::store_ui(&form, ui, id, store, &events),
        NodeKind::Gateway(gateway) => guards::gateway_ui(&form, ui, gateway, &events),
        NodeKind::Note(note) => note_ui(&form, ui, note),
    }
    if node.kind.tag().subscribes() {
        given_up_ui(ctx, &form, ui, id);
    }
    if node.kind.tag() != KindTag::Note {
        form.divider(ui);
        let title = name("Note", "What a reader of this drawing should know", "note");
        if let Some(new) = form.prose(ui, title, &next.note, "", 3) {
            next.note = new;
        }
    }
    if next != *node {
        ctx.ask(Ask::edit(Edit::SetNode(id.clone(), next)));
    }
}

fn head(
    ctx: &ViewCtx<'_>,
    form: &Form<'_>,
    state: &mut InspectorState,
    id: &NodeId,
    node: &Node,
    next: &mut Node,
    ui: &mut Ui,
) {
    let theme = ctx.theme;
    let tag = node.kind.tag();
    ui.horizontal(|ui| {
        let icon = RichText::new(icons::kind(tag)).font(theme.words(theme.sizes.icon)).color(theme.dim);
        ui.label(icon);
        ui.label(widgets::dim(theme, tag.label())).on_hover_text(tag.tip());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            widgets::action_button(ui, ctx, ph::TRASH, Action::Delete, true);
            widgets::action_button(ui, ctx, ph::COPY, Action::Duplicate, true);
            if tag != KindTag::Note {
                widgets::action_button(ui, ctx, ph::FLOW_ARROW, Action::Connect, true);
            }
            if tag.is_fired() {
                widgets::action_button(ui, ctx, ph::LIGHTNING, Action::Fire, true);
            }
        });
    });
    if tag == KindTag::Note {
        return;
    }
    let title = node.title(id);
    let (new, field) = form.title(ui, &node.name, &title);
    if let Some(new) = new {
        next.name = new;
    }
    if std::mem::take(&mut state.focus_name) {
        ui.memory_mut(|memory| memory.request_focus(field));
    }
    let response = ui.label(RichText::new(id.as_str()).font(theme.mono(theme.sizes.tiny)).color(theme.faint));
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("Id {id}")));
    response.on_hover_text("Its id, as files and reports name it; it never changes");
}

/// What makes events by itself; `head` says what they are to it.
pub(super) fn producer_ui(form: &Form<'_>, ui: &mut Ui, producer: &mut Producer, events: &[Suggestion], head: &str) {
    form.section(ui, head);
    let event = name("Event", "The type of its events, as in order.placed", "emits");
    if let Some(new) = form.suggested(ui, event, &producer.emits, events) {
        producer.emits = new;
    }
    if let Some(new) = timing::pacing(form, ui, &producer.rate) {
        producer.rate = new;
    }
    form.section(ui, "Content");
    if let Some(new) = handlers::key(form, ui, "key", &producer.key, "None") {
        producer.key = new;
    }
    let tip = "The data of each event, as in { \"order\": event.number }";
    let hint = if matches!(producer.rate, Pacing::Replay { .. }) { "what was recorded" } else { "the type's example" };
    if let Some(new) = form.expression(ui, name("Data", tip, "data"), &producer.data, hint) {
        producer.data = new;
    }
    form.section(ui, "Begin and end");
    let after = name("Begins after", "How long after the start it begins", "after");
    if let Some(new) = form.value(ui, after, &producer.after) {
        producer.after = new;
    }
    let stops = name("Stops after", "How many events it emits by itself before it stops", "stops_after");
    if let Some(new) = form.optional_whole(ui, stops, producer.stops_after, (1, u64::MAX), "never") {
        producer.stops_after = new;
    }
}

fn consumer_ui(form: &Form<'_>, ui: &mut Ui, consumer: &mut Consumer) {
    form.section(ui, "Handling");
    let takes = name("Takes", "How long handling an event takes", "takes");
    if let Some(new) = timing::distribution(form, ui, takes, &consumer.takes) {
        consumer.takes = new;
    }
    at_once(form, ui, &mut consumer.concurrency);
    if let Some(new) = form.chance(ui, name("Fails", "How often handling fails", "fails"), consumer.fails) {
        consumer.fails = new;
    }
    if let Some(new) = timing::rate_limit(form, ui, &consumer.rate_limit) {
        consumer.rate_limit = new;
    }
    guards::timeout(form, ui, &mut consumer.timeout);
}

fn at_once(form: &Form<'_>, ui: &mut Ui, concurrency: &mut u32) {
    let title = name("At once", "How many events it handles at the same time", "concurrency");
    if let Some(new) = form.whole(ui, title, u64::from(*concurrency), (1, u64::from(limits::CONCURRENCY))) {
        *concurrency = new as u32;
    }
}

fn service_ui(form: &Form<'_>, ui: &mut Ui, service: &mut Service, events: &[Suggestion]) {
    form.section(ui, "What it does");
    if let Some(new) = handlers::handlers(form, ui, &service.handlers, events) {
        service.handlers = new;
    }
    store::keeping_ui(form, ui, service, events);
    form.section(ui, "Capacity");
    at_once(form, ui, &mut service.concurrency);
    if let Some(new) = timing::rate_limit(form, ui, &service.rate_limit) {
        service.rate_limit = new;
    }
    guards::timeout(form, ui, &mut service.timeout);
}

fn function_ui(form: &Form<'_>, ui: &mut Ui, function: &mut Function, events: &[Suggestion]) {
    form.section(ui, "What it does");
    if let Some(new) = handlers::handlers(form, ui, &function.handlers, events) {
        function.handlers = new;
    }
    form.section(ui, "Scaling");
    presets::like_ui(form.ctx, ui, "this function", Preset::<Function>::FUNCTIONS, function);
    let most = u64::from(limits::CONCURRENCY);
    let count = |ui: &mut Ui, label, tip, path, value: &mut u32, least| {
        if let Some(new) = form.whole(ui, name(label, tip, path), u64::from(*value), (least, most)) {
            *value = new as u32;
        }
    };
    count(
        ui,
        "At most",
        "How many instances there may be; each handles one event at a time",
        "instances",
        &mut function.instances,
        1,
    );
    count(
        ui,
        "Always warm",
        "Instances that are kept ready, whatever the demand",
        "provisioned",
        &mut function.provisioned,
        0,
    );
    count(
        ui,
        "New in 10 s",
        "At most so many new instances in any 10 seconds",
        "scale_out",
        &mut function.scale_out,
        1,
    );
    let cold = name("Cold start", "How long a new instance takes before it can handle its first event", "cold_start");
    if let Some(new) = timing::distribution(form, ui, cold, &function.cold_start) {
        function.cold_start = new;
    }
    let warm = name("Stays warm", "How long an idle instance stays ready", "keep_warm");
    if let Some(new) = form.value(ui, warm, &function.keep_warm) {
        function.keep_warm = new;
    }
    let over =
        name("Over limit", "What happens to an event when all instances are busy and no more may come", "over_limit");
    if let Some(new) = timing::over_limit(form, ui, over, function.over_limit) {
        function.over_limit = new;
    }
    if let Some(new) = timing::rate_limit(form, ui, &function.rate_limit) {
        function.rate_limit = new;
    }
    guards::timeout(form, ui, &mut function.timeout);
    form.section(ui, "Cost");
    let memory = name("Memory", "The memory of one instance", "memory");
    if let Some(new) = form.value::<ByteSize>(ui, memory, &function.memory) {
        function.memory = new;
    }
    let second = name("GiB second", "Price of one GiB of memory in use for one second", "price_gib_second");
    if let Some(new) = form.dollars(ui, second, function.price_gib_second) {
        function.price_gib_second = new;
    }
    let invocation = name("Invocation", "Price of one invocation", "price_invocation");
    if let Some(new) = form.dollars(ui, invocation, function.price_invocation) {
        function.price_invocation = new;
    }
}

fn dead_letters_ui(form: &Form<'_>, ui: &mut Ui, queue: &mut DeadLetterQueue) {
    form.section(ui, "Keeping");
    let tip = "How many it keeps; beyond that the oldest is forgotten, and counted";
    if let Some(new) =
        form.optional_whole(ui, name("Keeps", tip, "keep_records"), queue.keep_records, (1, u64::MAX), "all")
    {
        queue.keep_records = new;
    }
}

fn note_ui(form: &Form<'_>, ui: &mut Ui, note: &mut Note) {
    let title = name("Text", "The words on the paper", "text");
    if let Some(new) = form.prose(ui, title, &note.text, "What should a reader know?", 6) {
        note.text = new;
    }
    form.section(ui, "Paper");
    let Point(mut width, mut height) = note.size;
    for (label, path, value) in [("Width", "size", &mut width), ("Height", "size", &mut height)] {
        let title = name(label, "In points at a zoom of 100 %", path);
        if let Some(new) = form.whole(ui, title, u64::try_from(*value).unwrap_or(0), (48, 2_000)) {
            *value = new as i32;
        }
    }
    note.size = Point(width, height);
}

/// Where what a subscriber gives up goes: a setting of its links that people look for at the node.
fn given_up_ui(ctx: &ViewCtx<'_>, form: &Form<'_>, ui: &mut Ui, id: &NodeId) {
    let flow = ctx.session.flow();
    let mut incoming =
        flow.links_to(id).filter(|(_, link)| !matches!(link.kind, crate::model::LinkKind::Publish(_))).peekable();
    if incoming.peek().is_none() {
        return;
    }
    let named: BTreeSet<Option<NodeId>> = incoming.map(|(_, link)| link.dead_letters().cloned()).collect();
    let current = if named.len() == 1 { named.into_iter().next().flatten() } else { None };
    form.section(ui, "Given up");
    let mut queues = vec![(None, "As the bus says".to_owned())];
    queues.extend(dead_letter_queues(ctx).into_iter().map(|(id, title)| (Some(id), title)));
    let tip = "Where an event goes that could not be handled in as many deliveries as its subscription allows";
    if let Some(to) = form.pick(ui, name("Dead letters", tip, "dead_letters"), &current, &queues) {
        ctx.ask(Ask::edit(Edit::SetDeadLetters { from: id.clone(), to }));
    }
    if current.is_none()
        && queues.len() == 1
        && add_button(ui, ctx.theme, "Add a dead-letter queue").clicked()
        && let Some((_, edit)) = crate::gui::mend::add_dead_letters(flow, id)
    {
        ctx.ask(Ask::edit(edit));
    }
}
