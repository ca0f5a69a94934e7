//! Nodes: a card for each kind, a rail for a bus, paper for a note.

mod bus;
mod card;
mod note;
mod parts;

use std::sync::Arc;

use egui::{Painter, Rect};

use crate::model::KindTag;

pub(super) use self::note::words_on;
pub(super) use self::parts::{BADGE_RADIUS, badge_at};

use super::brush::Brush;
use super::camera::Detail;
use super::{geometry, ink};

/// Draws a node as this zoom allows.
pub(super) fn draw(brush: &mut Brush, painter: &Painter, ix: u32) {
    let tag = brush.scene.nodes[ix as usize].tag;
    if brush.detail() == Detail::Block {
        block(brush, ix);
        return;
    }
    match tag {
        KindTag::Bus => bus::draw(brush, painter, ix),
        KindTag::Note => note::draw(brush, painter, ix),
        KindTag::Producer
        | KindTag::Consumer
        | KindTag::Service
        | KindTag::Function
        | KindTag::Stream
        | KindTag::DeadLetterQueue
        | KindTag::Store
        | KindTag::Gateway => {
            card::draw(brush, painter, ix);
        }
    }
}

/// The size of the card of a new node of this kind.
pub(super) fn new_size(tag: KindTag) -> egui::Vec2 {
    match tag {
        KindTag::Bus => egui::vec2(geometry::RAIL_WIDTH, geometry::RAIL_HEAD + geometry::ROW),
        KindTag::Function => geometry::FUNCTION_CARD,
        KindTag::Note => egui::vec2(200.0, 96.0),
        KindTag::Producer
        | KindTag::Consumer
        | KindTag::Service
        | KindTag::Stream
        | KindTag::DeadLetterQueue
        | KindTag::Gateway
        | KindTag::Store => geometry::CARD,
    }
}

/// From far away: a plain block, coloured by how busy it is.
fn block(brush: &mut Brush, ix: u32) {
    let node = &brush.scene.nodes[ix as usize];
    let (theme, mark) = (&brush.theme, brush.marks.nodes[ix as usize]);
    let live = brush.node_live(ix);
    let busy = live.map_or(0.0, |live| live.utilization as f32);
    let fill = live.map_or(0.0, parts::fill_of);
    let rest = match node.tag {
        KindTag::Note => theme.paper,
        KindTag::Bus => ink::mix(theme.line, theme.dim, 0.55),
        _ => ink::mix(theme.line, theme.dim, 0.25),
    };
    let color = if mark.selected {
        theme.accent
    } else if mark.problems.is_some_and(|(error, _)| error) || live.is_some_and(|live| live.faulted) || fill > 0.85 {
        theme.bad
    } else if fill > 0.6 {
        theme.warn
    } else if node.tag == KindTag::DeadLetterQueue && live.is_some_and(|live| live.dead_letters > 0) {
        theme.bad
    } else {
        ink::mix(rest, theme.accent, busy * 0.7)
    };
    let rect = brush.camera.screen_rect(node.rect);
    let rect = Rect::from_center_size(rect.center(), rect.size().max(egui::Vec2::splat(2.0)));
    ink::block(Arc::make_mut(&mut brush.picture.blocks), rect, color);
}
