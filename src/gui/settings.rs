//! What the window remembers from one start to the next: theme, panels, recent files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::theme::ThemeName;

/// How many recent files are remembered.
const RECENT: usize = 8;

/// The window's own settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Whether it is light.
    pub light: bool,
    /// Fewer moving things.
    pub reduced_motion: bool,
    /// Events also differ by shape.
    pub event_shapes: bool,
    /// Whether the library is shown.
    pub library: bool,
    /// Whether the inspector is shown.
    pub inspector: bool,
    /// Whether the lower panel is unfolded.
    pub lower: bool,
    /// Whether files are chosen in a window of our own.
    pub in_app_dialogs: bool,
    /// Files that were opened or saved, the latest first.
    pub recent: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            light: false,
            reduced_motion: false,
            event_shapes: false,
            library: true,
            inspector: true,
            lower: true,
            in_app_dialogs: false,
            recent: Vec::new(),
        }
    }
}

impl Settings {
    /// The theme.
    pub(crate) const fn theme(&self) -> ThemeName {
        if self.light { ThemeName::Light } else { ThemeName::Dark }
    }

    /// Puts a file at the head of the recent ones.
    pub(crate) fn remember(&mut self, path: &Path) {
        self.recent.retain(|known| known != path);
        self.recent.insert(0, path.to_path_buf());
        self.recent.truncate(RECENT);
    }

    /// Forgets a file that is no longer there.
    pub(crate) fn forget(&mut self, path: &Path) {
        self.recent.retain(|known| known != path);
    }
}
