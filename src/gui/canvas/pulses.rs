//! Events on the wire: where each is follows from its record, the playhead and the speed; nothing here is kept in step.
//!
//! While dots can be told apart each event is one. Where they cannot, those that left at about the same time travel as
//! a bundle with its count; where not even that can be read, the link's own width and colour tell the rate. What is
//! solid adds up to what is on the wire; what has truly arrived but is still being shown is hollow and does not count.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::epaint::RectShape;
use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, vec2};

use crate::gui::format;
use crate::gui::view::ViewCtx;
use crate::model::{NodeIx, SimDuration, SimTime};
use crate::session::{Dot, Flash, FlashKind, Leg, LiveView, RunState, Speed};

use super::brush::{Marks, emptied, event_color};
use super::camera::{Camera, Detail};
use super::hit::Hit;
use super::scene::Scene;
use super::sprites::{self, Sprite};
use super::{Canvas, geometry, ink};

/// A journey is drawn over at least so long a time of the clock on the wall, or nobody could follow it.
const SEEN_NANOS: u64 = 350_000_000;
/// A flash lasts so long on the clock on the wall.
const FLASH_NANOS: u64 = 360_000_000;
/// Room that a dot needs along its link to be told apart from the next one, on screen.
const DOT_ROOM: f32 = 9.0;
/// Room that a bundle needs.
const BUNDLE_ROOM: f32 = 52.0;
/// More bundles than this at once are more than anybody reads.
const BUNDLES: usize = 400;
/// The pointer catches a dot from so far, on screen.
const DOT_REACH: f32 = 9.0;

/// How the events of a link are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing travels it, or nobody sees it.
    #[default]
    Nothing,
    /// One dot an event.
    Single,
    /// Bundles with a count.
    Bundles,
    /// The link itself tells the rate.
    Glow,
}

/// What travels a link.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// Dots to show.
    shown: u32,
    /// Dots that the look knows to be on the wire at its own instant.
    listed: u32,
    /// How long it is on screen.
    length: f32,
    /// Whether any of it can be seen.
    seen: bool,
    stage: Stage,
}

/// A dot that is to be seen.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// Its place in the look at the run.
    dot: u32,
    /// Its link, in the scene.
    link: u32,
    along: Along,
}

/// What drawing events needs from frame to frame: only caches.
#[derive(Default)]
pub(super) struct Pulses {
    /// The scene's link by the run's.
    places: Option<Vec<u32>>,
    loads: Vec<Load>,
    /// The dots that are to be seen.
    shown: Vec<Shown>,
    /// The dots of the last frame, whose memory is used again.
    mesh: Arc<Mesh>,
}

/// Where a dot is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Along {
    /// How far along its link, 0 to 1.
    pub part: f32,
    /// Whether it has truly arrived and is only still being shown, or never will.
    pub arrived: bool,
    /// Whether it is lost by now: it stays where that happened, as a cross.
    pub lost: bool,
}

/// How long a lost one is seen as a cross, as a part of its journey.
const CROSS_LASTS: f32 = 0.3;

/// Where a dot is drawn at an instant, if it is.
pub(super) fn along(dot: &Dot, playhead: SimTime, seen: u64) -> Option<Along> {
    let since = playhead.as_nanos().checked_sub(dot.departed.as_nanos())?;
    let drawn = dot.arrives.since(dot.departed).as_nanos().max(seen);
    let part = since as f64 / drawn.max(1) as f64;
    if dot.lost {
        let (part, end) = (part as f32, lost_at(dot));
        return (part < end + CROSS_LASTS).then_some(Along { part: part.min(end), arrived: true, lost: part >= end });
    }
    (part < 1.0).then_some(Along { part: part as f32, arrived: playhead >= dot.arrives, lost: false })
}

/// How far along its link a lost one is seen to come: each a little differently, and always the same.
fn lost_at(dot: &Dot) -> f32 {
    let mixed = (dot.event.to_bits() ^ dot.departed.as_nanos()).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
    0.35 + mixed as f32 / 256.0 * 0.3
}

/// So much virtual time passes in a time of the clock on the wall.
fn virtual_nanos(wall: u64, speed: Speed) -> u64 {
    match speed {
        Speed::Times(factor) => (u128::from(wall) * u128::from(factor.thousandths()) / 1_000) as u64,
        // What is as fast as can be cannot be followed: each journey is drawn as long as it is.
        Speed::Max => 0,
    }
}

impl Pulses {
    /// The scene or the run has other links than before.
    pub(super) fn forget_places(&mut self) {
        self.places = None;
    }

    /// Whether the next frame looks different because time passes.
    pub(super) fn is_moving(ctx: &ViewCtx<'_>) -> bool {
        let live = ctx.live;
        if !matches!(live.state, RunState::Running | RunState::Draining) {
            return false;
        }
        // What has been seen to its end does not move, though the look still lists it: a run in which nothing happens
        // takes no other look.
        let seen = virtual_nanos(SEEN_NANOS, live.speed);
        let lasting = SimDuration::from_nanos(virtual_nanos(FLASH_NANOS, live.speed));
        let is_ahead = |dot: &Dot| dot.departed > ctx.playhead || along(dot, ctx.playhead, seen).is_some();
        live.dots.iter().any(is_ahead) || live.flashes.iter().any(|flash| flash.at + lasting >= ctx.playhead)
    }

    /// Paints what is on the wire.
    pub(super) fn draw(
        &mut self,
        ctx: &ViewCtx<'_>,
        painter: &Painter,
        scene: &Scene,
        marks: &Marks,
        camera: &Camera,
        hover: Hit,
    ) {
        if ctx.live.dots.is_empty() {
            self.loads.clear();
            return;
        }
        let places = self.places.get_or_insert_with(|| places(marks, ctx.live));
        let seen = virtual_nanos(SEEN_NANOS, ctx.live.speed);
        let visible = camera.visible();
        self.loads.clear();
        self.loads.extend(scene.links.iter().map(|link| Load {
            length: link.path.length * camera.zoom,
            seen: link.path.bounds.intersects(visible),
            ..Load::default()
        }));
        self.shown.clear();
        for (dot, at) in (0..).zip(&ctx.live.dots) {
            let Some(link) = place_of(places, at) else { continue };
            let Some(load) = self.loads.get_mut(link).filter(|load| load.seen) else { continue };
            if let Some(along) = along(at, ctx.playhead, seen) {
                load.shown += 1;
                self.shown.push(Shown { dot, link: link as u32, along });
            }
            let travels = at.departed <= ctx.live.now && ctx.live.now < at.arrives;
            load.listed += u32::from(travels && !at.lost);
        }
        for (ix, load) in self.loads.iter_mut().enumerate() {
            if load.shown > 0 {
                let on_wire = marks.links[ix].live.and_then(|live| ctx.live.links.get(live as usize));
                let hidden = on_wire.is_some_and(|live| live.on_wire > u64::from(load.listed));
                load.stage = stage(load.length, load.shown, hidden, camera.detail());
            }
        }

        let look = Look::of(ctx, scene, camera);
        let mesh = emptied(&mut self.mesh);
        mesh.texture_id = sprites::texture(painter.ctx());
        let mut bundled: Vec<(u32, u64, u32, bool)> = Vec::new();
        for Shown { dot: ix, link, along } in self.shown.iter().copied() {
            let load = &self.loads[link as usize];
            let dot = &ctx.live.dots[ix as usize];
            match load.stage {
                Stage::Nothing | Stage::Glow => {}
                Stage::Single => {
                    let at = camera.screen(place(scene, link as usize, load.length, along.part));
                    look.dot(mesh, dot, along, at);
                    if hover == Hit::Dot(ix) {
                        sprites::push(mesh, Sprite::Halo, at, look.diameter + 2.0, ctx.theme.text);
                    }
                }
                Stage::Bundles => {
                    let span = bundle_span(dot, seen, load.length);
                    bundled.push((link, dot.departed.as_nanos() / span, ix, !along.arrived));
                }
            }
        }
        painter.add(Shape::Mesh(Arc::clone(&self.mesh)));
        bundled.sort_unstable_by_key(|(link, group, dot, _)| (*link, *group, *dot));
        self.bundles(ctx, painter, scene, marks, camera, &bundled, seen);
    }

    /// Paints those that travel together, with how many they are.
    #[expect(clippy::too_many_arguments, reason = "a step of `draw`, which holds all of these apart")]
    fn bundles(
        &self,
        ctx: &ViewCtx<'_>,
        painter: &Painter,
        scene: &Scene,
        marks: &Marks,
        camera: &Camera,
        bundled: &[(u32, u64, u32, bool)],
        seen: u64,
    ) {
        let mut drawn = 0;
        for on_link in bundled.chunk_by(|a, b| a.0 == b.0) {
            let link = on_link[0].0 as usize;
            let path = &scene.links[link].path;
            let live = marks.links[link].live.and_then(|live| ctx.live.links.get(live as usize));
            // Where the look holds only some of the dots, each stands for several.
            let listed = f64::from(self.loads[link].listed.max(1));
            let each = live.map_or(1.0, |live| (live.on_wire as f64 / listed).max(1.0));
            let (mut solid, mut counted) = (0_u64, 0_u64);
            for group in on_link.chunk_by(|a, b| a.1 == b.1) {
                solid += group.iter().filter(|(.., solid)| *solid).count() as u64;
                let until = (solid as f64 * each).round() as u64;
                let count = until - counted;
                counted = until;
                drawn += 1;
                if drawn > BUNDLES {
                    return;
                }
                let dot = &ctx.live.dots[group[group.len() / 2].2 as usize];
                let Some(middle) = group_part(dot, group[0].1, seen, path.length * camera.zoom, ctx.playhead) else {
                    continue;
                };
                let at = camera.screen(path.at(middle));
                let color = event_color(scene, ctx.theme, ctx.live, dot.kind);
                bundle(ctx, painter, at, count, if dot.leg == Leg::DeadLetter { ctx.theme.bad } else { color });
            }
        }
    }

    /// Paints what happened a moment ago where it happened.
    pub(super) fn flashes(ctx: &ViewCtx<'_>, painter: &Painter, scene: &Scene, camera: &Camera) {
        let lasting = virtual_nanos(FLASH_NANOS, ctx.live.speed).max(1);
        let mut latest: BTreeMap<(NodeIx, u8), &Flash> = BTreeMap::new();
        for flash in &ctx.live.flashes {
            if flash.at <= ctx.playhead {
                let of_kind = latest.entry((flash.node, flash.what as u8)).or_insert(flash);
                if flash.at > of_kind.at {
                    *of_kind = flash;
                }
            }
        }
        for flash in latest.values() {
            let part = ctx.playhead.since(flash.at).as_nanos() as f64 / lasting as f64;
            let node = ctx.live.index.nodes.get(flash.node.index()).and_then(|id| scene.node(id));
            if let (Some(node), true) = (node, part < 1.0) {
                let card = camera.screen_rect(node.rect);
                if painter.clip_rect().intersects(card.expand(24.0)) {
                    paint_flash(ctx, painter, card, camera, flash.what, part as f32);
                }
            }
        }
    }
}

impl Canvas {
    /// The single dot that is under the pointer.
    pub(super) fn dot_at(&self, ctx: &ViewCtx<'_>, at: Pos2) -> Option<u32> {
        let places = self.pulses.places.as_ref()?;
        let near = self.scene.grid.links_near(self.camera.canvas(at), DOT_REACH / self.camera.zoom);
        if near.is_empty() {
            return None;
        }
        let seen = virtual_nanos(SEEN_NANOS, ctx.live.speed);
        let distance = |dot: &Dot| {
            let link = place_of(places, dot)?;
            near.binary_search(&(link as u32)).ok()?;
            let load = self.pulses.loads.get(link).filter(|load| load.stage == Stage::Single)?;
            let place = place(&self.scene, link, load.length, along(dot, ctx.playhead, seen)?.part);
            let distance = (self.camera.screen(place) - at).length();
            (distance <= DOT_REACH).then_some(distance)
        };
        let found = ctx.live.dots.iter().enumerate().filter_map(|(ix, dot)| distance(dot).map(|d| (d, ix as u32)));
        found.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, ix)| ix)
    }
}

/// No such link in the scene.
const NOWHERE: u32 = u32::MAX;

fn places(marks: &Marks, live: &LiveView) -> Vec<u32> {
    let mut places = vec![NOWHERE; live.index.links.len()];
    for (ix, mark) in marks.links.iter().enumerate() {
        if let Some(place) = mark.live.and_then(|live| places.get_mut(live as usize)) {
            *place = ix as u32;
        }
    }
    places
}

fn place_of(places: &[u32], dot: &Dot) -> Option<usize> {
    places.get(dot.link.index()).filter(|place| **place != NOWHERE).map(|place| *place as usize)
}

/// Where an event is on its link, on the very curve that is drawn.
fn place(scene: &Scene, link: usize, length: f32, part: f32) -> Pos2 {
    if length < geometry::COARSE_BELOW {
        geometry::along_coarse(&scene.coarse[link], part)
    } else {
        scene.links[link].path.at(part)
    }
}

/// How the events of a link that is so long on screen are shown.
fn stage(length: f32, shown: u32, hidden: bool, detail: Detail) -> Stage {
    let room = if detail == Detail::Block { DOT_ROOM * 0.6 } else { DOT_ROOM };
    if !hidden && shown as f32 * room <= length.max(room) {
        Stage::Single
    } else if detail >= Detail::Name && length >= BUNDLE_ROOM {
        Stage::Bundles
    } else {
        Stage::Glow
    }
}

/// Those that leave within so long a time travel together. A power of two, so that bundles hardly ever change when one
/// zooms, and never because time passes.
fn bundle_span(dot: &Dot, seen: u64, length: f32) -> u64 {
    let drawn = dot.arrives.since(dot.departed).as_nanos().max(seen).max(1);
    let fit = (length / BUNDLE_ROOM).max(1.0);
    ((drawn as f64 / f64::from(fit)) as u64).clamp(1, 1 << 62).next_power_of_two()
}

/// How far along the middle of a bundle is.
fn group_part(dot: &Dot, group: u64, seen: u64, length: f32, playhead: SimTime) -> Option<f32> {
    let span = bundle_span(dot, seen, length);
    let drawn = dot.arrives.since(dot.departed).as_nanos().max(seen).max(1);
    let middle = group.checked_mul(span)?.checked_add(span / 2)?;
    let since = playhead.as_nanos() as f64 - middle as f64;
    Some((since / drawn as f64).clamp(0.0, 1.0) as f32)
}

fn bundle(ctx: &ViewCtx<'_>, painter: &Painter, at: Pos2, count: u64, color: Color32) {
    if count < 2 {
        let (radius, stroke) = if count == 1 { (3.0, 0.0) } else { (3.5, 1.5) };
        let fill = if count == 1 { color } else { Color32::TRANSPARENT };
        painter.circle(at, radius, fill, Stroke::new(stroke, color));
        return;
    }
    let ink_color = contrast(ctx, color);
    let words = format!("×{}", format::short_count(count));
    let galley = ink::text(painter, words, ctx.theme.mono(11.0), ink_color, 80.0);
    let room = Rect::from_center_size(at, vec2(galley.size().x + 10.0, 16.0));
    painter.add(RectShape::new(room, 8.0, color, Stroke::new(1.0, ctx.theme.canvas), StrokeKind::Outside));
    painter.galley(ink::beside(&galley, room.center(), egui::Align::Center), galley, ink_color);
}

/// The one of the theme's two ends that is easier to read on a colour.
fn contrast(ctx: &ViewCtx<'_>, on: Color32) -> Color32 {
    let light = |color: Color32| {
        let [r, g, b, _] = color.to_array().map(f32::from);
        0.299 * r + 0.587 * g + 0.114 * b
    };
    let ends = [ctx.theme.canvas, ctx.theme.text];
    let far = |end: &Color32| (light(*end) - light(on)).abs();
    if far(&ends[0]) >= far(&ends[1]) { ends[0] } else { ends[1] }
}

/// How dots look in a frame.
struct Look {
    diameter: f32,
    colors: Vec<Color32>,
    shapes: Vec<usize>,
    bad: Color32,
}

impl Look {
    fn of(ctx: &ViewCtx<'_>, scene: &Scene, camera: &Camera) -> Self {
        let diameter = match camera.detail() {
            Detail::Block => 3.5,
            Detail::Name => 5.0,
            Detail::Compact | Detail::Full => 6.0 * camera.zoom.clamp(1.0, 1.5),
        };
        let names = &ctx.live.index.events;
        let colors = (0..names.len() as u32).map(|kind| event_color(scene, ctx.theme, ctx.live, kind)).collect();
        // Shape is the second sign: always when asked for, else where there are more types than colours.
        let order = |name| scene.events.get(name).map_or(0, |(_, order)| *order);
        let shape = |name| if ctx.view.event_shapes { order(name) } else { order(name) / 8 };
        Self { diameter, colors, shapes: names.iter().map(shape).collect(), bad: ctx.theme.bad }
    }

    fn dot(&self, mesh: &mut Mesh, dot: &Dot, along: Along, at: Pos2) {
        if along.lost {
            sprites::push(mesh, Sprite::Cross, at, self.diameter * 1.5, self.bad);
            return;
        }
        let kind = dot.kind as usize;
        let color = self.colors.get(kind).copied().unwrap_or(self.bad);
        let shape = self.shapes.get(kind).copied().unwrap_or(0);
        let dead = dot.leg == Leg::DeadLetter;
        let color = if dead { ink::mix(color, self.bad, along.part * 3.0) } else { color };
        let filled = !(along.arrived || dead && along.part > 0.34);
        // A rim takes a little more room than a disc to be seen as well.
        let diameter = if filled { self.diameter } else { self.diameter * 1.2 };
        sprites::push(mesh, Sprite::of(shape, filled), at, diameter, color);
        if dot.leg == Leg::Replay {
            sprites::push(mesh, Sprite::Echo, at, self.diameter, color);
        } else if dot.attempt > 1 {
            sprites::push(mesh, Sprite::Halo, at, self.diameter, color);
        }
    }
}

fn paint_flash(ctx: &ViewCtx<'_>, painter: &Painter, card: Rect, camera: &Camera, what: FlashKind, part: f32) {
    let left = 1.0 - part;
    let theme = ctx.theme;
    match what {
        FlashKind::Handled => {
            if !ctx.view.reduced_motion {
                let grown = card.expand(1.0 + 3.0 * part);
                let color = theme.good.gamma_multiply(0.55 * left);
                painter.rect_stroke(grown, 6.0 * camera.zoom, Stroke::new(2.0, color), StrokeKind::Middle);
            }
        }
        FlashKind::Failed => {
            let at = card.left_center() + vec2((24.0 * camera.zoom).max(6.0), 0.0);
            let arm = (6.0 * camera.zoom).clamp(3.0, 9.0);
            painter.circle_filled(at, arm * 2.0, theme.card.gamma_multiply(left));
            let color = theme.bad.gamma_multiply(left.sqrt());
            for way in [vec2(arm, arm), vec2(arm, -arm)] {
                painter.line_segment([at - way, at + way], Stroke::new(2.0, color));
            }
        }
        FlashKind::GivenUp => {
            let fall = if ctx.view.reduced_motion { 6.0 } else { 6.0 + 12.0 * part };
            let at = card.center_bottom() + vec2(0.0, fall);
            painter.circle_stroke(at, 3.5, Stroke::new(1.5, theme.bad.gamma_multiply(left)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventId, Factor, LinkIx};

    fn dot(departed: u64, arrives: u64) -> Dot {
        Dot {
            link: LinkIx(0),
            event: EventId::new(NodeIx(0), 1),
            kind: 0,
            departed: SimTime::from_nanos(departed),
            arrives: SimTime::from_nanos(arrives),
            attempt: 1,
            leg: Leg::Deliver,
            lost: false,
        }
    }

    #[test]
    fn a_journey_too_short_to_see_is_stretched_and_hollow_after_its_arrival() {
        let at = |dot: &Dot, nanos: u64, speed| {
            along(dot, SimTime::from_nanos(nanos), virtual_nanos(SEEN_NANOS, speed)).map(|a| (a.part, a.arrived))
        };
        let hop = dot(1_000_000_000, 1_001_000_000);
        let real = Speed::Times(Factor::ONE);
        assert_eq!(at(&hop, 999_999_999, real), None, "it has not left");
        assert_eq!(at(&hop, 1_000_000_000, real), Some((0.0, false)));
        assert_eq!(at(&hop, 1_175_000_000, real), Some((0.5, true)));
        assert_eq!(at(&hop, 1_350_000_000, real), None, "350 ms of wall time are over");
        // A hundred times slower, 1 ms of flow is 100 ms of wall: drawn over 3.5 ms of flow.
        let slow = Speed::Times(Factor::from_thousandths(10));
        assert_eq!(at(&hop, 1_000_875_000, slow), Some((0.25, false)));
        assert_eq!(at(&hop, 1_000_500_000, Speed::Max), Some((0.5, false)), "as it is when nobody can follow");
        assert_eq!(at(&dot(0, 2_000_000_000), 500_000_000, real), Some((0.25, false)), "long ones are as they are");
    }

    #[test]
    fn a_lost_one_stays_where_it_was_lost_and_never_counts() {
        let lost = Dot { lost: true, ..dot(0, 1_000_000_000) };
        let at = |nanos| along(&lost, SimTime::from_nanos(nanos), SEEN_NANOS);
        let early = at(200_000_000).expect("it is seen");
        assert!(early.arrived && !early.lost, "hollow from the start: it is not on the wire");
        let end = lost_at(&lost);
        let late = at(((end + 0.1) * 1e9) as u64).expect("its cross is seen");
        assert!(late.lost && (late.part - end).abs() < 1e-4, "{late:?}");
        assert_eq!(at(980_000_000), None, "it never arrives");
    }

    #[test]
    fn bundles_stay_together_as_time_passes() {
        let spans: Vec<u64> = (0..50).map(|n| bundle_span(&dot(n, n + 900_000_000), 350_000_000, 400.0)).collect();
        assert!(spans.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
