//! Ctrl-C: the first one asks a run to end with its report, the second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody pressed Ctrl-C.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt {
    pressed: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on, and calls `wake` on the first press. Without a way to listen, Ctrl-C just ends the program.
    pub(super) fn listen(wake: impl Fn() + Send + 'static) -> Self {
        let interrupt = Self::default();
        let pressed = Arc::clone(&interrupt.pressed);
        let listening = ctrlc::set_handler(move || {
            if pressed.swap(true, Ordering::Relaxed) {
                end_at_once();
            }
            wake();
        });
        drop(listening);
        interrupt
    }

    pub(super) fn is_pressed(&self) -> bool {
        self.pressed.load(Ordering::Relaxed)
    }
}

#[expect(clippy::exit, reason = "a person who presses Ctrl-C twice wants no report any more")]
fn end_at_once() {
    // What shells report for a program that SIGINT ended.
    std::process::exit(130);
}
