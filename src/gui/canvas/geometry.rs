//! Sizes, sides and curves: the one place that says where a link runs, for drawing, for the pointer and for dots.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

/// A node's card.
pub(super) const CARD: Vec2 = Vec2::new(176.0, 60.0);
/// A function's card, which shows its instances too.
pub(super) const FUNCTION_CARD: Vec2 = Vec2::new(176.0, 72.0);
/// How wide a standing rail is whose topics have short names.
pub(super) const RAIL_WIDTH: f32 = 184.0;
/// No rail is wider for the sake of a topic's name.
const RAIL_WIDTH_LIMIT: f32 = 264.0;
/// How high the head of a standing rail is: its icon and name.
pub(super) const RAIL_HEAD: f32 = 40.0;
/// How high a topic's row is when few links meet there.
pub(super) const ROW: f32 = 36.0;
/// How high a lying rail is.
pub(super) const LYING_HEIGHT: f32 = 76.0;
/// How wide the head of a lying rail is.
pub(super) const LYING_HEAD: f32 = 132.0;
/// How wide a topic's column of a lying rail is when few links meet there.
pub(super) const COLUMN: f32 = 128.0;
/// How far a producer's fire button is from its card.
pub(super) const FIRE_OFFSET: f32 = 22.0;
/// The radius of a fire button.
pub(super) const FIRE_RADIUS: f32 = 12.0;
/// The radius of a port.
pub(super) const PORT_RADIUS: f32 = 4.5;
/// The radius of a port under the pointer.
pub(super) const PORT_RADIUS_HOVERED: f32 = 6.5;
/// Places of moved and new nodes are multiples of this.
pub(super) const SNAP: f32 = 8.0;
/// How far apart links are that meet at one side.
const SLOT: f32 = 8.0;
/// A rail grows no further for the sake of the links at one topic.
const ROW_LIMIT: f32 = 160.0;

/// How much room across a rail the name of a topic takes that has so many letters, seen from as far away as names and
/// figures are read together: text does not shrink with the picture. On the grid, so that halves of it are whole.
pub(super) fn name_room(letters: usize, least: f32) -> f32 {
    const LETTER: f32 = 9.2;
    let room = letters as f32 * LETTER + 24.0;
    ((room / SNAP).ceil() * SNAP).clamp(least, RAIL_WIDTH_LIMIT)
}

/// How much room along a rail a topic takes where so many links meet at one of its sides.
pub(super) fn rail_room(least: f32, links: usize) -> f32 {
    (links as f32 * SLOT + 12.0).clamp(least, ROW_LIMIT.max(least))
}

/// How far from the middle of its side the `nth` of so many links meets, where there is so much room.
pub(super) fn slot_offset(nth: usize, links: usize, room: f32) -> f32 {
    if links < 2 {
        return 0.0;
    }
    let apart = SLOT.min((room - 12.0) / (links - 1) as f32);
    (nth as f32 - (links - 1) as f32 / 2.0) * apart
}

/// Where a link meets a node, and which way is out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Anchor {
    /// Where.
    pub at: Pos2,
    /// Away from the node, of length 1.
    pub out: Vec2,
}

impl Anchor {
    /// The middle of a side of a card.
    pub(super) fn on(rect: Rect, out: Vec2) -> Self {
        Self { at: rect.center() + vec2(out.x * rect.width() / 2.0, out.y * rect.height() / 2.0), out }
    }
}

/// An end of a link: where it meets its node, and the card that it must go around when the way is back.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Where it meets the node.
    pub anchor: Anchor,
    /// The card; rails are met on the side that faces the other end, so nothing goes around them.
    pub around: Option<Rect>,
}

/// The free space between a card and a link that goes around it.
const AROUND: f32 = 14.0;
/// How far such a link swings out beside the card.
const SWING: f32 = 44.0;

/// The way of a link: leaves one node and arrives at the other at right angles to their sides. A link back goes around
/// the cards at its ends instead of under them; `nth` keeps several of one card apart.
pub(super) fn route(from: End, to: End, nth: usize) -> Vec<[Pos2; 4]> {
    let (start, end) = (from.anchor, to.anchor);
    let gap = AROUND + 6.0 * nth.min(4) as f32;
    let way = end.at - start.at;
    let turn_at = |end: End, other: Pos2, way: Vec2| {
        let card = end.around.filter(|_| end.anchor.out.y == 0.0 && way.dot(end.anchor.out) < 24.0)?;
        let y = if other.y >= card.center().y { card.max.y + gap } else { card.min.y - gap };
        Some(pos2(card.center().x, y))
    };
    let (first, last) = (turn_at(from, end.at, way), turn_at(to, start.at, -way));
    let swing = |anchor: Anchor, corner: Pos2| {
        let beside = anchor.at.x + anchor.out.x * SWING;
        [anchor.at, pos2(beside, anchor.at.y), pos2(beside, corner.y), corner]
    };
    let back = |[a, b, c, d]: [Pos2; 4]| [d, c, b, a];
    // Past a corner the way goes on against the direction in which its end points.
    let on = |corner: Pos2, anchor: Anchor| Anchor { at: corner, out: vec2(-anchor.out.x, 0.0) };
    match (first, last) {
        (Some(corner), None) if way_is_clear(on(corner, start), end) => {
            vec![swing(start, corner), curve(on(corner, start), end)]
        }
        (None, Some(corner)) if way_is_clear(start, on(corner, end)) => {
            vec![curve(start, on(corner, end)), back(swing(end, corner))]
        }
        (Some(one), Some(two)) if way_is_clear(on(one, start), on(two, end)) => {
            vec![swing(start, one), curve(on(one, start), on(two, end)), back(swing(end, two))]
        }
        (None | Some(_), None | Some(_)) => vec![curve(start, end)],
    }
}

/// Whether two ends look at each other.
fn way_is_clear(from: Anchor, to: Anchor) -> bool {
    let way = to.at - from.at;
    way.dot(from.out) > 0.0 && (-way).dot(to.out) > 0.0
}

/// The curve between two places, leaving and arriving in the directions that their anchors say.
pub(super) fn curve(from: Anchor, to: Anchor) -> [Pos2; 4] {
    let handle = |way: Vec2, out: Vec2| {
        let ahead = way.dot(out);
        if ahead >= 0.0 {
            (ahead * 0.5).clamp((way.length() * 0.25).min(40.0), 180.0)
        } else {
            (way.length() * 0.4).clamp(48.0, 180.0)
        }
    };
    let way = to.at - from.at;
    let (there, back) = (handle(way, from.out), handle(-way, to.out));
    [from.at, from.at + from.out * there, to.at + to.out * back, to.at]
}

/// A link's curve as points that are equally far from each other along it, so that what travels it at an even pace is
/// found without a search.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// At least two, the first and the last at the curve's ends.
    pub points: Vec<Pos2>,
    /// How far beside the curve one would be without this point, on the canvas.
    worth: Vec<f32>,
    /// How long the curve is, on the canvas.
    pub length: f32,
    /// What the points lie in.
    pub bounds: Rect,
}

/// A curve that is short on screen: few points, equally far from each other along it.
pub(super) type Coarse = [Pos2; 5];

/// Links shorter than this, on screen, are drawn and travelled as their [`Coarse`] curve.
pub(super) const COARSE_BELOW: f32 = 48.0;

/// Where one is after this part of a coarse curve, 0 to 1.
pub(super) fn along_coarse(curve: &Coarse, part: f32) -> Pos2 {
    let place = part.clamp(0.0, 1.0) * 4.0;
    let piece = (place as usize).min(3);
    curve[piece].lerp(curve[piece + 1], place - piece as f32)
}

/// How long the pieces are that a curve is made of, on the canvas.
const PIECE: f32 = 6.0;
/// How finely a curve is measured.
const MEASURED: usize = 40;
/// The most pieces that a curve is made of.
const PIECES: usize = 48;
/// So far a curve may be drawn beside where it is, on screen: nobody sees it.
const BESIDE: f32 = 0.15;

impl Default for Path {
    fn default() -> Self {
        Self { points: vec![Pos2::ZERO; 2], worth: vec![f32::INFINITY; 2], length: 0.0, bounds: Rect::NOTHING }
    }
}

impl Path {
    /// The points of these curves, one after the other.
    pub(super) fn along(curves: &[[Pos2; 4]]) -> Self {
        let Some(begin) = curves.first().map(|curve| curve[0]) else { return Self::default() };
        let end = curves[curves.len() - 1][3];
        let measured = curves.len() * MEASURED;
        let mut lengths = Vec::with_capacity(measured + 1);
        let mut fine = Vec::with_capacity(measured + 1);
        fine.push(begin);
        lengths.push(0.0_f32);
        let mut length = 0.0;
        for curve in curves {
            for i in 1..=MEASURED {
                let next = cubic(*curve, i as f32 / MEASURED as f32);
                length += (next - fine[fine.len() - 1]).length();
                fine.push(next);
                lengths.push(length);
            }
        }
        let straight = (end - begin).length();
        let pieces =
            if length <= straight * 1.0005 { 1 } else { ((length / PIECE) as usize).clamp(8, PIECES * curves.len()) };
        let mut points = Vec::with_capacity(pieces + 1);
        points.push(begin);
        let mut at = 1;
        for piece in 1..pieces {
            let wanted = length * piece as f32 / pieces as f32;
            while at < measured && lengths[at] < wanted {
                at += 1;
            }
            let span = (lengths[at] - lengths[at - 1]).max(1e-6);
            points.push(fine[at - 1].lerp(fine[at], (wanted - lengths[at - 1]) / span));
        }
        points.push(end);
        let mut worth = vec![f32::INFINITY; points.len()];
        weigh(&points, &mut worth, f32::INFINITY);
        Self { bounds: Rect::from_points(&points), points, worth, length }
    }

    /// Those of the points that are needed to draw the curve at this zoom.
    pub(super) fn seen_at(&self, zoom: f32) -> impl Iterator<Item = &Pos2> {
        let least = BESIDE / zoom;
        self.points.iter().zip(&self.worth).filter(move |(_, worth)| **worth >= least).map(|(point, _)| point)
    }

    /// The curve for when it is short on screen.
    pub(super) fn coarse(&self) -> Coarse {
        [0.0, 0.25, 0.5, 0.75, 1.0].map(|part| self.at(part))
    }

    /// Where one is after this part of the way, 0 to 1.
    pub(super) fn at(&self, part: f32) -> Pos2 {
        let pieces = self.points.len().saturating_sub(1);
        if pieces == 0 {
            return self.points.first().copied().unwrap_or_default();
        }
        let place = part.clamp(0.0, 1.0) * pieces as f32;
        let piece = (place as usize).min(pieces - 1);
        self.points[piece].lerp(self.points[piece + 1], place - piece as f32)
    }

    /// How far a place is from the curve.
    pub(super) fn distance(&self, place: Pos2) -> f32 {
        self.points.windows(2).map(|ends| distance_to_piece(ends[0], ends[1], place)).fold(f32::INFINITY, f32::min)
    }
}

/// Weighs the points between two ends, as Ramer, Douglas and Peucker do: the one that is farthest from the straight way
/// is worth that distance, and none of those to its sides is worth more.
fn weigh(points: &[Pos2], worth: &mut [f32], most: f32) {
    let last = points.len() - 1;
    let inner = 1..last;
    let far = inner.map(|ix| (ix, distance_to_piece(points[0], points[last], points[ix])));
    let Some((ix, distance)) = far.max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    let most = distance.min(most);
    worth[ix] = most;
    weigh(&points[..=ix], &mut worth[..=ix], most);
    weigh(&points[ix..], &mut worth[ix..], most);
}

fn cubic([a, b, c, d]: [Pos2; 4], t: f32) -> Pos2 {
    let u = 1.0 - t;
    let (wa, wb, wc, wd) = (u * u * u, 3.0 * u * u * t, 3.0 * u * t * t, t * t * t);
    pos2(wa * a.x + wb * b.x + wc * c.x + wd * d.x, wa * a.y + wb * b.y + wc * c.y + wd * d.y)
}

fn distance_to_piece(from: Pos2, to: Pos2, place: Pos2) -> f32 {
    let way = to - from;
    let part = ((place - from).dot(way) / way.length_sq().max(1e-9)).clamp(0.0, 1.0);
    (from + way * part - place).length()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_of_the_way_are_equally_long() {
        let leave = Anchor { at: pos2(0.0, 0.0), out: vec2(1.0, 0.0) };
        for to in [pos2(300.0, 120.0), pos2(-200.0, 40.0), pos2(500.0, 0.0), pos2(20.0, -400.0)] {
            let path = Path::along(&[curve(leave, Anchor { at: to, out: vec2(-1.0, 0.0) })]);
            let steps: Vec<f32> = path.points.windows(2).map(|ends| (ends[1] - ends[0]).length()).collect();
            let mean = steps.iter().sum::<f32>() / steps.len() as f32;
            for step in &steps {
                assert!((step - mean).abs() < mean * 0.12, "{to:?}: {step} of {mean}");
            }
            assert!((path.at(1.0) - to).length() < 1e-3);
            assert!(path.distance(path.at(0.37)) < 1e-3);
        }
    }
}
