//! What the app remembers of a person's habits. It is no work: what cannot be read is begun anew, and says so.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::FileSystem;
use super::replace::{Expected, SaveError, Step, replace};

/// How many recent files are remembered.
pub const RECENT_FILES: usize = 10;

/// How long a settings file may be.
const MAX_BYTES: u64 = 1 << 20;

/// What the app remembers between two starts. Unknown fields are passed over: another version may have written them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Dark or light.
    pub theme: Theme,
    /// The files opened or saved last, the latest first.
    pub recent: Vec<PathBuf>,
    /// Where the window was.
    pub window: Option<WindowPlace>,
    /// Which panels are open, and how wide.
    pub panels: Panels,
    /// Whether nothing moves but events.
    pub reduced_motion: bool,
    /// Whether events differ by shape too, not by colour alone.
    pub event_shapes: bool,
    /// Whether files are chosen in a window of the app's own, not the system's.
    pub in_app_dialogs: bool,
}

/// Which colours the window has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
}

/// Where the window was, in points of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowPlace {
    /// The left edge.
    pub x: f32,
    /// The upper edge.
    pub y: f32,
    /// The inner width.
    pub width: f32,
    /// The inner height.
    pub height: f32,
    /// Whether it fills the screen.
    pub maximized: bool,
}

/// Which panels are open, and how large, in points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Panels {
    /// The library on the left.
    pub library: bool,
    /// The inspector on the right.
    pub inspector: bool,
    /// Log, problems and charts at the foot.
    pub foot: bool,
    /// How wide the library is.
    pub library_width: f32,
    /// How wide the inspector is.
    pub inspector_width: f32,
    /// How high the foot is.
    pub foot_height: f32,
}

impl Default for Panels {
    fn default() -> Self {
        Self {
            library: true,
            inspector: true,
            foot: true,
            library_width: 220.0,
            inspector_width: 296.0,
            foot_height: 200.0,
        }
    }
}

impl Settings {
    /// Puts a file at the head of the recent ones.
    pub fn remember(&mut self, path: &Path) {
        self.recent.retain(|other| other != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(RECENT_FILES);
    }

    /// Forgets a file, since it cannot be found any more.
    pub fn forget(&mut self, path: &Path) {
        self.recent.retain(|other| other != path);
    }
}

/// Where the settings are: in the app's folder among the person's own; `None` for a person without a home.
pub fn settings_path() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "eventloom")?;
    Some(folders.config_dir().join("settings.ron"))
}

/// The settings; where there are none, or none that can be read, those of a new person, and in the latter case why.
pub fn load_settings(fs: &dyn FileSystem, path: &Path) -> (Settings, Option<String>) {
    let bytes = match fs.read(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Settings::default(), None),
        Err(error) => {
            let why = format!("could not read the settings {}: {}", path.display(), super::in_words(&error));
            return (Settings::default(), Some(why));
        }
    };
    let read = ron::from_str::<Settings>(&String::from_utf8_lossy(&bytes));
    match read {
        Ok(mut settings) => {
            settings.recent.truncate(RECENT_FILES);
            (settings, None)
        }
        Err(error) => {
            let why = format!("the settings {} are damaged and were left out: {error}", path.display());
            (Settings::default(), Some(why))
        }
    }
}

/// Saves the settings as safely as a flow.
pub fn save_settings(fs: &dyn FileSystem, settings: &Settings, path: &Path) -> Result<(), SaveError> {
    let not_read_back = |why: String| SaveError::NotReadBack { path: path.to_owned(), why };
    let pretty = ron::ser::PrettyConfig::new().new_line("\n");
    let mut settings = settings.clone();
    // A path that is no text cannot be written; forgetting it is better than saving nothing.
    settings.recent.retain(|path| path.to_str().is_some());
    let text = ron::ser::to_string_pretty(&settings, pretty).map_err(|error| not_read_back(error.to_string()))?;
    if let Some(folder) = path.parent() {
        fs.create_folder(folder).map_err(|source| SaveError::Refused {
            step: Step::Create,
            path: folder.to_owned(),
            source,
        })?;
    }
    replace(fs, path, format!("{text}\n").as_bytes(), Expected::Anything).map(drop)
}
