//! Stream processors: windows that cannot be, watermarks that nothing moves, joins with one side.

use super::routes::Routes;
use super::settings::At;
use super::wiring::Wiring;
use super::{Findings, did_you_mean, listed};
use crate::model::{LinkKind, Operator, Pattern, Share, SimDuration, Stream, Watermark, Window, WindowShape};
use crate::plan::stream::WINDOWS_PER_EVENT;

/// Fields of a result that are its window's own.
const RESERVED: [&str; 4] = ["key", "start", "end", "revision"];

/// What is wrong whatever is around it.
pub(super) fn check_settings(at: &mut At<'_, '_>, stream: &Stream) {
    at.not_zero("concurrency", u64::from(stream.concurrency), "takes no event in at all: it does 0 at once");
    at.distribution("takes", &stream.takes);
    let gathers = matches!(stream.operator, Operator::Window(_) | Operator::Join(_));
    if !gathers {
        for (field, is_set) in [("lateness", !stream.lateness.is_zero()), ("late", stream.late.is_some())] {
            if is_set {
                let what = format!("has a setting “{field}”, but nothing is ever late for a {}", of(&stream.operator));
                at.warning(field, "no-effect", &what, "Leave it out, or make it a window or a join");
            }
        }
    }
    if stream.watermark.idle.is_some_and(SimDuration::is_zero) {
        let what = "takes every input for idle at once: its watermark waits for none of them";
        at.error("watermark.idle", "zero", what, "Say after how long an input is idle, as in 10s");
    }
    if gathers && stream.watermark.idle.is_none() {
        let what = "waits for every input for ever: when one falls silent, what is open never closes";
        at.warning("watermark.idle", "watermark-waits", what, "Say after how long an input is idle, as in 10s");
    }
    match &stream.operator {
        Operator::Filter(_) | Operator::Map(_) => {}
        Operator::Window(window) => check_window(at, window, stream.watermark),
        Operator::Join(join) => {
            if join.within.is_zero() {
                let what = "joins only events of the very same nanosecond";
                at.warning("operator.within", "zero", what, "Say how far apart the two may be, as in 5m");
            }
        }
    }
}

const fn of(operator: &Operator) -> &'static str {
    match operator {
        Operator::Filter(_) => "filter",
        Operator::Map(_) => "transform",
        Operator::Window(_) => "window",
        Operator::Join(_) => "join",
    }
}

fn check_window(at: &mut At<'_, '_>, window: &Window, watermark: Watermark) {
    let size_field = "operator.shape.size";
    let long = "Say how long each window is, as in 10s";
    match window.shape {
        WindowShape::Tumbling { size, offset } => {
            if size.is_zero() {
                at.error(size_field, "zero", "has windows of no length, which hold nothing", long);
            } else if offset >= size {
                let what = format!("begins its windows {offset} after whole multiples of {size}: a whole round late");
                at.warning("operator.shape.offset", "window-offset", &what, "Make it shorter than the window");
            }
        }
        WindowShape::Hopping { size, slide, offset: _ } => {
            if size.is_zero() {
                at.error(size_field, "zero", "has windows of no length, which hold nothing", long);
            }
            if slide.is_zero() {
                let hint = "Say from the start of one window to that of the next, as in 5s";
                at.error("operator.shape.slide", "zero", "begins window after window with no time in between", hint);
            } else if !size.as_nanos().is_multiple_of(slide.as_nanos()) {
                let what = format!(
                    "has windows of {size} every {slide}, which does not divide it: some events are counted more often than others"
                );
                let hint = format!("Let the slide divide the size, as in {}", nearest_slide(size, slide));
                at.error("operator.shape.slide", "window-slide", &what, &hint);
            } else if size.as_nanos() / slide.as_nanos() > u64::from(WINDOWS_PER_EVENT) {
                let what = format!("takes each event into more than {WINDOWS_PER_EVENT} windows");
                at.error(
                    "operator.shape.slide",
                    "window-slide",
                    &what,
                    "Make the slide longer, or the windows shorter",
                );
            }
        }
        WindowShape::Session { gap } => {
            if gap.is_zero() {
                let hint = "Say how long a pause ends a session, as in 30s";
                at.error("operator.shape.gap", "zero", "ends every session at once: its gap is 0", hint);
            } else if watermark.behind >= gap.saturating_mul(1_000) {
                let what = format!("keeps sessions open for {}, a thousand times their gap", watermark.behind);
                at.warning("watermark.behind", "watermark-behind", &what, "Let events be less far out of order");
            }
        }
    }
    for name in window.aggregates.keys() {
        let field = format!("operator.aggregates[\"{name}\"]");
        if name.is_empty() {
            at.error(&field, "aggregate-name", "has an aggregate without a name", "Say what to call it in the result");
        } else if RESERVED.contains(&name.as_str()) {
            let what = format!("calls an aggregate “{name}”, which the result has already");
            at.error(&field, "aggregate-name", &what, "Give it another name");
        }
    }
}

/// The slide nearest to one that divides the size.
fn nearest_slide(size: SimDuration, slide: SimDuration) -> SimDuration {
    let hops = (size.as_nanos() / slide.as_nanos().max(1)).max(1);
    // A whole part of the size in the same figures that people write.
    let fits = |hops: &u64| size.as_nanos().is_multiple_of(*hops);
    let hops = (hops..hops.saturating_add(100)).find(fits).unwrap_or(1);
    SimDuration::from_nanos(size.as_nanos() / hops)
}

/// What is wrong with what comes to it and what becomes of its results.
pub(super) fn check(wiring: &Wiring<'_>, routes: &Routes<'_>, findings: &mut Findings) {
    for (node, (_, what)) in wiring.nodes.iter().enumerate() {
        if let crate::model::NodeKind::Stream(stream) = &what.kind {
            check_input(wiring, routes, node, stream, findings);
            check_result(wiring, node, stream, findings);
        }
    }
}

fn check_input(wiring: &Wiring<'_>, routes: &Routes<'_>, node: usize, stream: &Stream, findings: &mut Findings) {
    let title = wiring.title(node);
    let gathers = matches!(stream.operator, Operator::Window(_) | Operator::Join(_));
    let still = if gathers { ": nothing moves its watermark, and nothing ever comes out" } else { "" };
    let place = |field: &str| wiring.at_node(node, Some(field.to_owned()));
    if wiring.into[node].is_empty() {
        let what = format!("“{title}” gets no events{still}");
        findings.warning(wiring.at_node(node, None), "no-input", what, "Link a bus to it");
        return;
    }
    let names: Vec<&str> = routes.received(node).collect();
    let comes = |pattern: &Pattern| names.iter().any(|name| pattern.matches(name)) || wiring.replays;
    let hint = |pattern: &Pattern| {
        let near = did_you_mean(pattern.as_str(), names.iter().copied());
        if near.is_empty() { format!("It gets {}", listed(names.iter().copied())) } else { near }
    };
    match &stream.operator {
        Operator::Join(join) => {
            for (field, side, pattern) in [("on", "left", &stream.on), ("operator.with", "right", &join.with)] {
                if !comes(pattern) {
                    let what = format!("“{title}” joins two sides, but no “{pattern}” comes to its {side} one");
                    findings.error(place(field), "join-one-side", what, hint(pattern));
                }
            }
            let both: Vec<&str> =
                names.iter().copied().filter(|name| stream.on.matches(name) && join.with.matches(name)).collect();
            if !both.is_empty() || stream.on == join.with {
                let of_both = if both.is_empty() { stream.on.as_str() } else { both[0] };
                let what = format!("“{title}” joins two sides, and takes “{of_both}” for both");
                let hint = "Name the types of each side so that they differ";
                findings.error(place("operator.with"), "join-both-sides", what, hint);
            }
        }
        Operator::Filter(_) | Operator::Map(_) | Operator::Window(_) => {
            if !comes(&stream.on) && !names.is_empty() {
                let what = format!("“{title}” takes “{}”, but never gets such an event{still}", stream.on);
                findings.warning(place("on"), "handler-never-reacts", what, hint(&stream.on));
            }
        }
    }
    if gathers {
        check_sharing(wiring, node, findings);
    }
}

/// Members that take turns each see a part of a window only.
fn check_sharing(wiring: &Wiring<'_>, node: usize, findings: &mut Findings) {
    for &link in &wiring.into[node] {
        let wire = &wiring.links[link];
        let LinkKind::Subscribe(subscription) = &wire.link.kind else { continue };
        let Some(group) = subscription.group.as_ref().filter(|_| subscription.share == Share::Queue) else { continue };
        let shares = |other: &usize| {
            let other = &wiring.links[*other];
            other.to != node && other.link.subscription().is_some_and(|other| other.group.as_ref() == Some(group))
        };
        if wiring.out[wire.from].iter().any(shares) {
            let what = format!(
                "“{}” shares the group “{group}” record by record, so each member sees a part of every window only",
                wiring.title(node)
            );
            let hint = "Share it by partition, so that a key stays with one member";
            findings.warning(wiring.at_link(link, Some("share".to_owned())), "split-windows", what, hint);
        }
    }
}

fn check_result(wiring: &Wiring<'_>, node: usize, stream: &Stream, findings: &mut Findings) {
    let events = wiring.flow.events();
    if events.is_empty() {
        // A flow that describes no type at all means it so.
        return;
    }
    let late = stream.late_event().map(|late| ("late", late));
    for (field, name) in std::iter::once(("emits", &stream.emits)).chain(late) {
        if events.contains_key(name) {
            continue;
        }
        let what = format!("“{}” emits “{name}”, which is no event type of this flow", wiring.title(node));
        let near = did_you_mean(name.as_str(), events.keys().map(|name| name.as_str()));
        let hint = if near.is_empty() { "Describe it among the event types".to_owned() } else { near };
        findings.warning(wiring.at_node(node, Some(field.to_owned())), "result-unknown", what, hint);
    }
}
