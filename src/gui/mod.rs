//! The designer window: a projection of the session. It reads, draws and asks; nothing else changes anything.

mod action;
mod app;
pub mod canvas;
mod theme;
mod view;

pub use self::action::Action;
pub use self::app::{App, run};
pub use self::theme::{Theme, ThemeName};
pub use self::view::{Ask, Selection, Target, ViewCtx, ViewState};
