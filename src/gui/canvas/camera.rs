//! Where the canvas is looked at from, and how near.

use egui::{Pos2, Rect, Vec2};

/// A place of the canvas in the middle of the view, and how many points on screen one of its points takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Camera {
    /// What is in the middle, on the canvas.
    pub middle: Pos2,
    /// 1.0 is 100 %.
    pub zoom: f32,
    /// Where the canvas is in the window.
    pub view: Rect,
    /// How far one can go away: twice as far as it takes to see the whole flow, so that nobody loses it.
    pub farthest: f32,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            middle: Pos2::ZERO,
            zoom: 1.0,
            view: Rect::from_min_size(Pos2::ZERO, Vec2::splat(1.0)),
            farthest: Self::FARTHEST,
        }
    }
}

impl Camera {
    /// As far away as one can go: a flow of ten thousand nodes still fits.
    pub(super) const FARTHEST: f32 = 0.02;
    /// As near as one can go.
    pub(super) const NEAREST: f32 = 2.0;
    /// Free space around a flow that is brought into view, on screen.
    const MARGIN: f32 = 16.0;
    /// From here on a card is high enough for its figures below its name, for text does not shrink with the picture: a
    /// flow of five columns shows what it does in the smallest window that it is brought into view in.
    const FIGURES: f32 = 0.6;

    /// A place of the canvas, in the window.
    pub(super) fn screen(&self, canvas: Pos2) -> Pos2 {
        self.view.center() + (canvas - self.middle) * self.zoom
    }

    /// A rectangle of the canvas, in the window.
    pub(super) fn screen_rect(&self, canvas: Rect) -> Rect {
        Rect::from_min_max(self.screen(canvas.min), self.screen(canvas.max))
    }

    /// A place of the window, on the canvas.
    pub(super) fn canvas(&self, screen: Pos2) -> Pos2 {
        self.middle + (screen - self.view.center()) / self.zoom
    }

    /// What of the canvas can be seen.
    pub(super) fn visible(&self) -> Rect {
        Rect::from_min_max(self.canvas(self.view.min), self.canvas(self.view.max))
    }

    /// Moves the picture by this much of the window.
    pub(super) fn pan(&mut self, screen: Vec2) {
        self.middle -= screen / self.zoom;
    }

    /// Zooms so that what is at `fixed` in the window stays there.
    pub(super) fn zoom_about(&mut self, fixed: Pos2, factor: f32) {
        let zoom = (self.zoom * factor).clamp(self.farthest.min(self.zoom), Self::NEAREST);
        let under = self.canvas(fixed);
        self.zoom = zoom;
        self.middle = under - (fixed - self.view.center()) / zoom;
    }

    /// Brings a part of the canvas into view, as large as it may be without being larger than life.
    pub(super) fn fit(&mut self, part: Rect) {
        self.zoom = self.fitting(part).clamp(Self::FARTHEST, 1.0);
        self.middle = part.center();
    }

    /// Lets one go away as far as a flow of these bounds deserves.
    pub(super) fn limit(&mut self, bounds: Option<Rect>) {
        let whole = bounds.map_or(1.0, |bounds| self.fitting(bounds));
        self.farthest = (whole * 0.5).clamp(Self::FARTHEST, 0.4);
    }

    /// The zoom at which a part of the canvas fills the view.
    fn fitting(&self, part: Rect) -> f32 {
        let room = (self.view.size() - Vec2::splat(2.0 * Self::MARGIN)).max(Vec2::splat(1.0));
        let size = part.size().max(Vec2::splat(1.0));
        (room.x / size.x).min(room.y / size.y)
    }

    /// Moves the picture just so far that a part of the canvas can be seen; to its middle where that is a whole view away.
    pub(super) fn reveal(&mut self, part: Rect) {
        let seen = self.visible().shrink(2.0 * Self::MARGIN / self.zoom);
        let beyond = |low: f32, high: f32, from: f32, to: f32| match (low < from, high > to) {
            (true, false) => low - from,
            (false, true) => high - to,
            _ => 0.0,
        };
        let by = Vec2::new(
            beyond(part.left(), part.right(), seen.left(), seen.right()),
            beyond(part.top(), part.bottom(), seen.top(), seen.bottom()),
        );
        let is_near = by.x.abs() < seen.width() && by.y.abs() < seen.height();
        self.middle =
            if is_near && seen.size().min(part.size()) == part.size() { self.middle + by } else { part.center() };
    }

    /// How much can be drawn at this zoom.
    pub(super) fn detail(&self) -> Detail {
        match self.zoom {
            zoom if zoom >= Self::FIGURES => Detail::Full,
            zoom if zoom >= 0.4 => Detail::Compact,
            zoom if zoom >= 0.2 => Detail::Name,
            _ => Detail::Block,
        }
    }
}

/// How much of a node is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// A plain block, coloured by how busy it is.
    Block,
    /// Icon and name.
    Name,
    /// All but the live line.
    Compact,
    /// Everything.
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let mut camera = Camera {
            middle: Pos2::new(310.0, -40.0),
            zoom: 0.8,
            view: Rect::from_min_size(Pos2::new(220.0, 40.0), Vec2::new(764.0, 500.0)),
            farthest: Camera::FARTHEST,
        };
        let pointer = Pos2::new(300.0, 480.0);
        let under = camera.canvas(pointer);
        for factor in [1.25, 1.1, 0.3, 10.0, 10.0, 0.0001] {
            camera.zoom_about(pointer, factor);
            assert!((camera.canvas(pointer) - under).length() < 0.01, "zoom {}", camera.zoom);
        }
        assert_eq!(camera.zoom, Camera::FARTHEST);
    }

    #[test]
    fn what_is_near_is_brought_into_view_without_losing_what_is_seen() {
        let view = Rect::from_min_size(Pos2::ZERO, Vec2::new(800.0, 600.0));
        let node = |x: f32| Rect::from_min_size(Pos2::new(x, 270.0), Vec2::new(176.0, 60.0));
        let camera = Camera { view, middle: view.center(), ..Camera::default() };
        for (x, moved) in [(100.0, 0.0), (700.0, 108.0), (-20.0, -52.0), (9_000.0, 9_088.0 - 400.0)] {
            let mut moving = camera;
            moving.reveal(node(x));
            assert_eq!(moving.middle - camera.middle, Vec2::new(moved, 0.0), "{x}");
            assert!(moving.visible().contains_rect(node(x)), "{x}");
        }
    }

    #[test]
    fn nobody_goes_so_far_away_that_the_flow_is_lost() {
        let flow = Rect::from_min_size(Pos2::ZERO, Vec2::new(1_000.0, 500.0));
        let view = Rect::from_min_size(Pos2::ZERO, Vec2::new(800.0, 600.0));
        let mut camera = Camera { view, ..Camera::default() };
        camera.fit(flow);
        camera.limit(Some(flow));
        camera.zoom_about(view.center(), 0.001);
        let seen = camera.screen_rect(flow);
        assert!(seen.width() > 300.0 && view.contains_rect(seen), "{seen}");
    }
}
