//! Colours, sizes and fonts by name, read from `assets/theme.ron`: nothing else in the window names a colour.

use std::sync::{Arc, LazyLock};

use egui::{Color32, CornerRadius, FontDefinitions, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Vec2};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

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
    /// Above a card or panel: buttons, hovered rows.
    pub raised: Color32,
    /// Where text and numbers are typed.
    pub field: Color32,
    /// Lines and links.
    pub line: Color32,
    /// Lines that must be told from what is around them: borders of fields and cards, scroll handles.
    pub edge: Color32,
    /// Text.
    pub text: Color32,
    /// Text that steps back.
    pub dim: Color32,
    /// Text and signs that may be overlooked.
    pub faint: Color32,
    /// What is selected, focused or primary.
    pub accent: Color32,
    /// Text on the accent colour.
    pub on_accent: Color32,
    /// All is well.
    pub good: Color32,
    /// Look here.
    pub warn: Color32,
    /// Something is lost or wrong.
    pub bad: Color32,
    /// Over everything that a dialog stands in front of.
    pub scrim: Color32,
    /// Below what floats.
    pub shadow: Color32,
    /// A sticky note.
    pub paper: Color32,
    /// The words on it.
    pub paper_text: Color32,
    /// The eight event colours.
    pub events: [Color32; 8],
    /// The words of an expression.
    pub code: CodeColors,
    /// Sizes of text and icons.
    pub sizes: Sizes,
    /// Distances.
    pub space: Space,
    /// Roundness of corners.
    pub radius: Radius,
    /// Sizes of the window's parts.
    pub panels: Panels,
    /// How long an interface transition lasts.
    pub transition_seconds: f32,
}

/// Sizes of text and icons: there are no others.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Live lines, axis labels, hints.
    pub tiny: f32,
    /// Numbers, section heads, secondary text.
    pub small: f32,
    /// Everything else.
    pub body: f32,
    /// Titles of panels and cards.
    pub title: f32,
    /// Figures and titles that stand alone.
    pub large: f32,
    /// An icon beside text.
    pub icon: f32,
    /// An icon that stands alone.
    pub icon_large: f32,
}

/// Distances: multiples of four.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Between what belongs together.
    pub xs: f32,
    /// Between neighbours.
    pub s: f32,
    /// A panel's margin.
    pub m: f32,
    /// Between groups.
    pub l: f32,
    /// Between sections.
    pub xl: f32,
}

/// Roundness of corners.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Radius {
    /// Cards, windows, menus.
    pub card: u8,
    /// Buttons and fields.
    pub control: u8,
}

/// Sizes of the window's parts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panels {
    /// The top bar.
    pub top: f32,
    /// The status bar.
    pub status: f32,
    /// The library.
    pub library: f32,
    /// The inspector.
    pub inspector: f32,
    /// The lower panel.
    pub lower: f32,
    /// The lower panel when it is folded.
    pub lower_folded: f32,
}

/// The words of an expression, so that they can be told apart; calmer than events.
#[derive(Clone, Copy, Debug)]
pub struct CodeColors {
    /// `if`, `null`.
    pub keyword: Color32,
    /// `event` and what is behind it.
    pub event: Color32,
    /// Functions.
    pub function: Color32,
    /// Text.
    pub text: Color32,
    /// Numbers.
    pub number: Color32,
}

impl Theme {
    /// One of the two themes.
    pub fn of(name: ThemeName) -> Arc<Self> {
        static THEMES: LazyLock<[Arc<Theme>; 2]> = LazyLock::new(|| {
            let file = ThemeFile::read();
            [file.theme(ThemeName::Dark), file.theme(ThemeName::Light)].map(Arc::new)
        });
        match name {
            ThemeName::Dark => Arc::clone(&THEMES[0]),
            ThemeName::Light => Arc::clone(&THEMES[1]),
        }
    }

    /// The words' font at one of the sizes 11, 12, 13, 15 and 20.
    pub fn words(&self, size: f32) -> FontId {
        FontId::proportional(size)
    }

    /// The words' semibold font.
    pub fn strong(&self, size: f32) -> FontId {
        FontId::new(size, strong_family())
    }

    /// The numbers' font.
    pub fn mono(&self, size: f32) -> FontId {
        FontId::monospace(size)
    }

    /// The colour of an event type whose number in the flow's palette is this.
    pub const fn event(&self, color: u8) -> Color32 {
        self.events[(color % 8) as usize]
    }

    /// A wash of a colour over whatever is behind it.
    pub fn wash(color: Color32, share: f32) -> Color32 {
        color.gamma_multiply(share)
    }

    /// The corners of cards, windows and menus.
    pub const fn card_corners(&self) -> CornerRadius {
        CornerRadius::same(self.radius.card)
    }

    /// The corners of buttons and fields.
    pub const fn control_corners(&self) -> CornerRadius {
        CornerRadius::same(self.radius.control)
    }

    /// Makes the toolkit look like this theme.
    pub fn apply(&self, ctx: &egui::Context, reduced_motion: bool) {
        ctx.options_mut(|options| {
            // Ctrl and plus zoom the flow, not the interface.
            options.zoom_with_keyboard = false;
            options.theme_preference = match self.name {
                ThemeName::Dark => egui::ThemePreference::Dark,
                ThemeName::Light => egui::ThemePreference::Light,
            };
        });
        let which = match self.name {
            ThemeName::Dark => egui::Theme::Dark,
            ThemeName::Light => egui::Theme::Light,
        };
        ctx.set_style_of(which, self.style(reduced_motion));
        ctx.request_repaint();
    }

    fn style(&self, reduced_motion: bool) -> Style {
        let mut style = Style { visuals: self.visuals(), ..Style::default() };
        style.text_styles = [
            (TextStyle::Small, self.words(self.sizes.tiny)),
            (TextStyle::Body, self.words(self.sizes.body)),
            (TextStyle::Button, self.words(self.sizes.body)),
            (TextStyle::Monospace, self.mono(self.sizes.small)),
            (TextStyle::Heading, self.strong(self.sizes.title)),
        ]
        .into();
        style.drag_value_text_style = TextStyle::Monospace;
        style.animation_time = if reduced_motion { 0.0 } else { self.transition_seconds };
        if reduced_motion {
            style.scroll_animation = egui::style::ScrollAnimation::none();
        }
        let Space { xs, s, m, .. } = self.space;
        let spacing = &mut style.spacing;
        spacing.item_spacing = Vec2::new(s, xs);
        spacing.button_padding = Vec2::new(s, xs);
        spacing.menu_margin = Margin::same(s as i8);
        spacing.window_margin = Margin::same(m as i8);
        spacing.interact_size = Vec2::new(24.0, 24.0);
        spacing.icon_width = self.sizes.icon;
        spacing.icon_width_inner = s;
        spacing.icon_spacing = s;
        spacing.indent = m;
        spacing.combo_width = 96.0;
        spacing.tooltip_width = 320.0;
        spacing.menu_spacing = xs;
        spacing.slider_rail_height = xs;
        spacing.scroll = egui::style::ScrollStyle { floating: true, ..egui::style::ScrollStyle::thin() };
        style.interaction.tooltip_delay = 0.4;
        style.interaction.selectable_labels = false;
        style
    }

    fn visuals(&self) -> egui::Visuals {
        let base = match self.name {
            ThemeName::Dark => egui::Visuals::dark(),
            ThemeName::Light => egui::Visuals::light(),
        };
        let (card, control) = (self.card_corners(), self.control_corners());
        let widget = |fill: Color32, stroke: Stroke, text: Color32| egui::style::WidgetVisuals {
            bg_fill: fill,
            weak_bg_fill: fill,
            bg_stroke: stroke,
            corner_radius: control,
            fg_stroke: Stroke::new(1.0, text),
            expansion: 0.0,
        };
        let shadow = |blur: u8, down: i8| egui::Shadow { offset: [0, down], blur, spread: 0, color: self.shadow };
        egui::Visuals {
            widgets: egui::style::Widgets {
                noninteractive: widget(self.panel, Stroke::new(1.0, self.line), self.text),
                inactive: widget(self.raised, Stroke::NONE, self.text),
                hovered: widget(self.line, Stroke::new(1.0, self.edge), self.text),
                active: widget(self.line, Stroke::new(1.0, self.accent), self.text),
                open: widget(self.line, Stroke::new(1.0, self.edge), self.text),
            },
            selection: egui::style::Selection {
                bg_fill: Self::wash(self.accent, 0.28),
                stroke: Stroke::new(1.0, self.accent),
            },
            override_text_color: None,
            weak_text_color: Some(self.dim),
            hyperlink_color: self.accent,
            faint_bg_color: Self::wash(self.raised, 0.5),
            extreme_bg_color: self.field,
            text_edit_bg_color: Some(self.field),
            code_bg_color: self.raised,
            warn_fg_color: self.warn,
            error_fg_color: self.bad,
            window_corner_radius: card,
            window_shadow: shadow(24, 8),
            window_fill: self.panel,
            window_stroke: Stroke::new(1.0, self.line),
            window_highlight_topmost: false,
            menu_corner_radius: card,
            panel_fill: self.panel,
            popup_shadow: shadow(16, 4),
            resize_corner_size: 0.0,
            indent_has_left_vline: false,
            striped: false,
            slider_trailing_fill: true,
            handle_shape: egui::style::HandleShape::Circle,
            interact_cursor: None,
            ..base
        }
    }
}

/// Our fonts and nothing of the toolkit's: Inter for words, JetBrains Mono for numbers, Phosphor's signs behind both.
///
/// The shipped files hold no private use area: their own glyphs there would be taken for Phosphor's signs.
pub fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let files: [(&str, &'static [u8]); 4] = [
        ("words", include_bytes!("../../assets/fonts/Inter-Regular.otf")),
        ("strong", include_bytes!("../../assets/fonts/Inter-SemiBold.otf")),
        ("mono", include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf")),
        ("mono-medium", include_bytes!("../../assets/fonts/JetBrainsMono-Medium.ttf")),
    ];
    for (name, bytes) in files {
        fonts.font_data.insert(name.to_owned(), egui::FontData::from_static(bytes).into());
    }
    let icons = egui::FontData::from_static(egui_phosphor::Variant::Regular.font_bytes());
    fonts.font_data.insert("icons".to_owned(), icons.into());
    let families = [
        (FontFamily::Proportional, ["words", "icons", "mono"]),
        (FontFamily::Monospace, ["mono", "icons", "words"]),
        (strong_family(), ["strong", "icons", "mono"]),
        (FontFamily::Name("mono-medium".into()), ["mono-medium", "icons", "words"]),
    ];
    for (family, names) in families {
        fonts.families.insert(family, names.map(str::to_owned).to_vec());
    }
    fonts
}

fn strong_family() -> FontFamily {
    static STRONG: LazyLock<Arc<str>> = LazyLock::new(|| "strong".into());
    FontFamily::Name(Arc::clone(&STRONG))
}

/// `assets/theme.ron`, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeFile {
    sizes: Sizes,
    space: Space,
    radius: Radius,
    panels: Panels,
    transition_seconds: f32,
    dark: Colors,
    light: Colors,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Colors {
    canvas: Hex,
    panel: Hex,
    card: Hex,
    raised: Hex,
    field: Hex,
    line: Hex,
    edge: Hex,
    text: Hex,
    dim: Hex,
    faint: Hex,
    accent: Hex,
    on_accent: Hex,
    good: Hex,
    warn: Hex,
    bad: Hex,
    scrim: Hex,
    shadow: Hex,
    paper: Hex,
    paper_text: Hex,
    events: [Hex; 8],
    code: CodeHexes,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeHexes {
    keyword: Hex,
    event: Hex,
    function: Hex,
    text: Hex,
    number: Hex,
}

/// A colour as `"#RRGGBB"` or `"#RRGGBBAA"`.
#[derive(Clone, Copy)]
struct Hex(Color32);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Color32::from_hex(&text).map(Self).map_err(|_no_color| D::Error::custom(format!("“{text}” is no colour")))
    }
}

impl ThemeFile {
    fn read() -> Self {
        ron::from_str(include_str!("../../assets/theme.ron")).expect("the file is built in, and a test reads it")
    }

    fn theme(&self, name: ThemeName) -> Theme {
        let colors = match name {
            ThemeName::Dark => self.dark.clone(),
            ThemeName::Light => self.light.clone(),
        };
        Theme {
            name,
            canvas: colors.canvas.0,
            panel: colors.panel.0,
            card: colors.card.0,
            raised: colors.raised.0,
            field: colors.field.0,
            line: colors.line.0,
            edge: colors.edge.0,
            text: colors.text.0,
            dim: colors.dim.0,
            faint: colors.faint.0,
            accent: colors.accent.0,
            on_accent: colors.on_accent.0,
            good: colors.good.0,
            warn: colors.warn.0,
            bad: colors.bad.0,
            scrim: colors.scrim.0,
            shadow: colors.shadow.0,
            paper: colors.paper.0,
            paper_text: colors.paper_text.0,
            events: colors.events.map(|color| color.0),
            code: CodeColors {
                keyword: colors.code.keyword.0,
                event: colors.code.event.0,
                function: colors.code.function.0,
                text: colors.code.text.0,
                number: colors.code.number.0,
            },
            sizes: self.sizes,
            space: self.space,
            radius: self.radius,
            panels: self.panels,
            transition_seconds: self.transition_seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast as WCAG 2.2 defines it.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |color: Color32| {
            let [r, g, b, _] = egui::Rgba::from(color).to_array();
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_signs_can_be_read_in_both_themes() {
        let mut faults = Vec::new();
        for name in [ThemeName::Dark, ThemeName::Light] {
            let theme = Theme::of(name);
            let mut at_least = |what: &str, color: Color32, on: Color32, limit: f32| {
                let found = contrast(color, on);
                if found < limit {
                    faults.push(format!("{name:?} {what}: {found:.2} < {limit}"));
                }
            };
            for (on_name, on) in [("panel", theme.panel), ("card", theme.card), ("canvas", theme.canvas)] {
                for (what, color) in [
                    ("text", theme.text),
                    ("dim", theme.dim),
                    ("faint", theme.faint),
                    ("accent", theme.accent),
                    ("warn", theme.warn),
                    ("bad", theme.bad),
                    ("good", theme.good),
                ] {
                    at_least(&format!("{what} on {on_name}"), color, on, 4.5);
                }
                for (number, color) in theme.events.into_iter().enumerate() {
                    at_least(&format!("event {number} on {on_name}"), color, on, 3.0);
                }
            }
            let CodeColors { keyword, event, function, text, number } = theme.code;
            for (what, color) in
                [("keyword", keyword), ("event", event), ("function", function), ("text", text), ("number", number)]
            {
                at_least(&format!("code {what} on a field"), color, theme.field, 4.5);
                at_least(&format!("code {what} on a panel"), color, theme.panel, 4.5);
            }
            at_least("text on raised", theme.text, theme.raised, 4.5);
            at_least("text on a field", theme.text, theme.field, 4.5);
            at_least("on_accent", theme.on_accent, theme.accent, 4.5);
            at_least("paper", theme.paper_text, theme.paper, 4.5);
        }
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
