//! The designer window: a projection of the session. It reads, draws and asks; nothing else changes anything.

mod action;
mod app;
mod build;
pub mod canvas;
mod code;
mod dialogs;
mod expressions;
mod fields;
mod files;
mod format;
mod fuzzy;
mod icons;
mod mend;
mod panels;
mod perform;
mod pictures;
mod seek;
mod speeds;
mod splice;
mod theme;
mod toasts;
mod view;
mod widgets;

pub use self::action::{Action, ActionGroup};
pub use self::app::{App, GuiError, run};
pub use self::theme::{CodeColors, Panels, Radius, Sizes, Space, Theme, ThemeName, fonts};
pub use self::view::{Ask, Selection, Target, ViewCtx, ViewState};
