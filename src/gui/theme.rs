//! Colours, sizes and fonts by name, read from `assets/theme.ron`: nothing else in the window names a colour.

use egui::Color32;

/// Dark or light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeName {
    /// The default.
    #[default]
    Dark,
    /// For bright rooms and projectors.
    Light,
}

/// The tokens of one theme.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Which it is.
    pub name: ThemeName,
    /// Behind the flow.
    pub canvas: Color32,
    /// Behind panels.
    pub panel: Color32,
    /// A node's card.
    pub card: Color32,
    /// Above a card or panel: fields, hovered rows.
    pub raised: Color32,
    /// Lines and links.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Text that steps back.
    pub dim: Color32,
    /// Text and signs that may be overlooked.
    pub faint: Color32,
    /// What is selected, focused or primary.
    pub accent: Color32,
    /// All is well.
    pub good: Color32,
    /// Look here.
    pub warn: Color32,
    /// Something is lost or wrong.
    pub bad: Color32,
    /// The eight event colours.
    pub events: [Color32; 8],
}

impl Theme {
    /// The words' font at one of the sizes 11, 12, 13, 15 and 20.
    pub fn words(&self, size: f32) -> egui::FontId {
        egui::FontId::proportional(size)
    }

    /// The words' semibold font.
    pub fn strong(&self, size: f32) -> egui::FontId {
        egui::FontId::new(size, egui::FontFamily::Name("strong".into()))
    }

    /// The numbers' font.
    pub fn mono(&self, size: f32) -> egui::FontId {
        egui::FontId::monospace(size)
    }
}
