//! The live driver: one task that paces one kernel against the clock on the wall.
//!
//! It takes commands, lets the kernel go as far as the clock says, and puts looks into a slot that the window reads when
//! it likes. The kernel never waits for the window. When nothing is due it sleeps until a command comes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant};

use crate::kernel::{Incoming, Kernel, Stopped};
use crate::model::{Flow, NodeId, SimDuration, SimTime};

use super::brokers::{Adapter, Bridge, Identity};
use super::figures::Figures;
use super::journal::{Injected, Journal};
use super::pace::{Pace, date_nanos, wall_now};
use super::past::Past;
use super::report::Report;
use super::view::{Answer, LiveView, LogRow, RunState, Speed, Step, StopMode, WaitingEvent};
use super::{ask, fast};

/// Steps between two looks at the clock and the commands: some milliseconds of work at most.
const BATCH: u32 = 1 << 13;

/// The shortest time between two ticks that wait for the clock. Dots carry their own times, so nobody sees it.
const TICK: Duration = Duration::from_millis(2);

/// The shortest time between two looks: 60 a second.
const LOOK: Duration = Duration::from_micros(16_600);

/// A look that takes long to make is made less often: it may cost a thirtieth of the time.
const LOOK_SHARE: u32 = 30;

/// How often rates are looked at that only fade.
const FADE: Duration = Duration::from_millis(250);

/// How long motion is seen, in time on the wall.
const SEEN: Duration = Duration::from_millis(350);

/// Commands on their way. Nobody clicks faster than a batch.
const COMMANDS: usize = 1_024;

/// How long a drain may take at most, in virtual time. What is open then is reported as open.
pub(crate) const DRAIN_LIMIT: SimDuration = SimDuration::from_secs(300);

/// Something to do for the driver.
#[derive(Debug)]
pub(crate) enum Command {
    /// Something comes into the run.
    Inject(Injected),
    /// The drawing has changed in a way that cannot run (or no longer so).
    RunsEarlierDrawing(bool),
    Pause,
    Resume,
    Step(Step),
    SetSpeed(Speed),
    Stop(StopMode),
    /// What is expected of the run from here on.
    Expect(Arc<Flow>),
    /// Which nodes' figures are to be shown whole.
    Watch(Vec<NodeId>),
    /// The first events in front of a node.
    Queue(NodeId, AnswerSlot<Vec<WaitingEvent>>),
}

/// Where the answer to a question appears.
pub(crate) type AnswerSlot<T> = Arc<ArcSwap<Answer<T>>>;

/// What wakes the window.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// A look, and how to carry its time on.
struct Shown {
    view: Arc<LiveView>,
    taken: Instant,
    /// Virtual nanoseconds that pass in a second on the wall from here on.
    speed: f64,
}

/// What driver and session share.
struct Shared {
    shown: ArcSwap<Shown>,
    // Std mutexes: nothing is awaited while they are held, and the driver only ever tries the log's.
    log: Mutex<VecDeque<LogRow>>,
    wake: Mutex<Option<Wake>>,
    report: OnceLock<Report>,
    past: Arc<Past>,
}

impl Shared {
    /// Tells whoever looks that there is something new.
    fn wake(&self) {
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wake) = wake {
            wake();
        }
    }
}

/// A run on its way, from outside. Dropping it ends the run.
pub(crate) struct LiveRun {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    /// What it runs on, whose clock tests can stop.
    on: Handle,
}

/// How a run begins.
pub(crate) struct Begin {
    pub(crate) name: String,
    pub(crate) speed: Speed,
    pub(crate) paused: bool,
    /// Where it ends by itself.
    pub(crate) until: Option<SimTime>,
    pub(crate) watched: Vec<NodeId>,
    pub(crate) wake: Option<Wake>,
    /// Lets the adapters of buses outside take their places, if any bus is.
    pub(crate) connect: Option<Connect>,
}

/// Connects adapters to a machine that has not begun, on the runtime where they are to work.
pub(crate) type Connect = Box<dyn FnOnce(&mut Kernel, &Handle) -> Bridge + Send>;

/// Connects one adapter for one bus.
pub(crate) fn carry(bus: NodeId, adapter: impl Adapter) -> Connect {
    Box::new(move |kernel, on| {
        let began_nanos = date_nanos();
        let identity = Identity { run: format!("{began_nanos:x}").into(), began_nanos };
        let plan = Arc::clone(kernel.plan());
        let mut bridge = Bridge::new(kernel, identity);
        if let Some(bus) = plan.node_ix(&bus) {
            bridge.connect(on, bus, adapter);
        }
        bridge
    })
}

impl LiveRun {
    /// Starts a run on this runtime.
    pub(crate) fn start(on: &Handle, journal: Journal, begin: Begin) -> Self {
        let (sender, receiver) = mpsc::channel(COMMANDS);
        // Its time begins by the clock that it goes by.
        let _clock = on.enter();
        let Begin { name, speed, paused, until, watched, wake, connect } = begin;
        let mut kernel = journal.kernel();
        let bridge = connect.map(|connect| connect(&mut kernel, on));
        let seed = journal.seed;
        let figures = Figures::new(&journal.start.flow, &journal.start.plan);
        if figures.needs_data() {
            kernel.keep_all_data();
        }
        let shared = Arc::new(Shared {
            shown: ArcSwap::from_pointee(Shown { view: Arc::default(), taken: wall_now(), speed: 0.0 }),
            log: Mutex::default(),
            wake: Mutex::new(wake),
            report: OnceLock::new(),
            past: Arc::new(Past::new(journal)),
        });
        let mut pace = Pace::new(speed, SimTime::ZERO);
        pace.set_stands(paused, SimTime::ZERO);
        let mut driver = Driver {
            figures,
            kernel,
            name,
            seed,
            pace,
            state: if paused { RunState::Paused } else { RunState::Running },
            until,
            ended_because: None,
            runs_earlier_drawing: false,
            last: Stopped::Budget,
            watched,
            behind: SimDuration::ZERO,
            revision: 0,
            is_news: true,
            looked: Looked { wall: wall_now(), at: SimTime::ZERO, cost: Duration::ZERO },
            measured: 0.0,
            last_tick: wall_now(),
            bridge,
            shared: Arc::clone(&shared),
        };
        // The first look is there before anybody can ask for one.
        driver.look();
        let task = on.spawn(driver.drive(receiver));
        on.spawn(watch_over(task, Arc::clone(&shared)));
        Self { commands: sender, shared, on: on.clone() }
    }

    /// Sends a command; `false` if there is no room or nobody to take it.
    pub(crate) fn send(&self, command: Command) -> bool {
        match self.commands.try_send(command) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        }
    }

    /// The latest look.
    pub(crate) fn view(&self) -> Arc<LiveView> {
        Arc::clone(&self.shared.shown.load().view)
    }

    /// The latest look's time, carried on by the clock on the wall.
    pub(crate) fn playhead(&self) -> SimTime {
        let shown = self.shared.shown.load();
        let _clock = self.on.enter();
        let passed = wall_now().saturating_duration_since(shown.taken).as_secs_f64();
        shown.view.now + SimDuration::from_nanos((passed * shown.speed) as u64)
    }

    /// Hands over log rows.
    pub(crate) fn drain_log(&self, into: &mut Vec<LogRow>) {
        let mut log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        into.extend(log.drain(..));
    }

    /// Whom to wake from here on.
    pub(crate) fn on_change(&self, wake: Wake) {
        *self.shared.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }

    /// The report, once it has ended.
    pub(crate) fn report(&self) -> Option<Report> {
        self.shared.report.get().cloned()
    }

    /// Its past.
    pub(crate) fn past(&self) -> Arc<Past> {
        Arc::clone(&self.shared.past)
    }
}

/// The task's own state.
struct Driver {
    kernel: Kernel,
    figures: Figures,
    name: String,
    seed: u64,
    pace: Pace,
    state: RunState,
    until: Option<SimTime>,
    ended_because: Option<String>,
    runs_earlier_drawing: bool,
    /// Why the kernel last returned.
    last: Stopped,
    watched: Vec<NodeId>,
    behind: SimDuration,
    revision: u64,
    /// Whether something has changed since the last look.
    is_news: bool,
    looked: Looked,
    /// Virtual nanoseconds a second on the wall, as measured.
    measured: f64,
    last_tick: Instant,
    /// The way to the buses that are outside, if any are.
    bridge: Option<Bridge>,
    shared: Arc<Shared>,
}

/// When the last look was taken, and what it cost.
#[derive(Clone, Copy)]
struct Looked {
    wall: Instant,
    at: SimTime,
    cost: Duration,
}

/// When the driver has something to do by itself.
enum Next {
    Now,
    At(Instant),
    Never,
}

impl Driver {
    /// The run's whole life.
    async fn drive(mut self, mut commands: mpsc::Receiver<Command>) {
        while self.state != RunState::Ended {
            let next = self.next();
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.take(command),
                    // Nobody can ask for anything any more, the report included.
                    None => return,
                },
                incoming = receive(&mut self.bridge) => self.let_in(incoming),
                () = until(next) => {}
            }
            self.tick();
        }
    }

    /// Goes as far as the clock says, and shows it if it is time.
    fn tick(&mut self) {
        self.last_tick = wall_now();
        if !self.pace.stands() && self.state.is_alive() && !self.is_congested() {
            self.advance();
            self.end_if_due();
        }
        if let Some(bridge) = &mut self.bridge {
            bridge.carry_out(&mut self.kernel);
        }
        if self.state == RunState::Ended {
            let report = self.figures.report(&self.name, self.seed, &self.kernel);
            drop(self.shared.report.set(report));
            self.figures.finish_judging(&self.kernel);
            self.look();
        } else if wall_now() >= self.next_look() && (self.is_news || self.is_fading()) {
            self.look();
        }
    }

    /// One batch towards where the clock stands.
    fn advance(&mut self) {
        let end = self.until.unwrap_or(SimTime::MAX);
        let target = self.pace.now().min(end).max(self.kernel.now());
        self.run_kernel(target, BATCH);
        self.behind = match (self.last, self.pace.speed()) {
            (Stopped::Budget, Speed::Times(_)) => target.since(self.kernel.now()),
            _ => SimDuration::ZERO,
        };
    }

    /// One batch towards an instant. Where nothing is left to do the clock goes there by itself; but for the end of time,
    /// which is where it would be as fast as the machine can.
    fn run_kernel(&mut self, target: SimTime, budget: u32) {
        let before = (self.kernel.steps(), self.is_quiet());
        self.last = if target == SimTime::MAX {
            self.kernel.run_until(target, budget, &mut self.figures)
        } else {
            fast::advance(&mut self.kernel, target, budget, &mut self.figures)
        };
        if (self.kernel.steps(), self.is_quiet()) != before {
            self.is_news = true;
            self.shared.past.keep(&self.kernel);
        }
        match self.last {
            Stopped::Limit(limit) => self.end(&limit.to_string()),
            Stopped::Stuck if self.ended_because.is_none() => {
                self.ended_because =
                    Some("nodes wait for each other in a ring, and nothing else is left to do".to_owned());
                self.is_news = true;
            }
            Stopped::Until | Stopped::Budget | Stopped::Quiet | Stopped::Stuck => {}
        }
    }

    /// Whether nothing is left to do until something comes in.
    const fn is_quiet(&self) -> bool {
        matches!(self.last, Stopped::Quiet | Stopped::Stuck)
    }

    fn end(&mut self, because: &str) {
        self.ended_because = Some(because.to_owned());
        self.state = RunState::Ended;
    }

    fn end_if_due(&mut self) {
        if self.last == Stopped::Budget {
            return;
        }
        if self.state == RunState::Draining && self.last == Stopped::Quiet && !self.kernel.awaits_outside() {
            self.end("drained: nothing is under way any more");
        } else if self.until.is_some_and(|until| self.kernel.now() >= until) {
            self.end(if self.state == RunState::Draining { "the time to drain is up" } else { "its time is up" });
        }
    }

    /// When there is something to do without a command.
    fn next(&self) -> Next {
        if self.state == RunState::Ended {
            return Next::Now;
        }
        let mut at: Option<Instant> = None;
        let mut sooner = |instant: Instant| at = Some(at.map_or(instant, |at| at.min(instant)));
        if self.is_news {
            sooner(self.next_look());
        }
        if !self.pace.stands() && !self.is_congested() {
            if self.last == Stopped::Budget {
                return Next::Now;
            }
            match self.pace.speed() {
                // Time passes only where something happens, or where there is an end to get to.
                Speed::Max if self.last == Stopped::Until || self.until.is_some() => return Next::Now,
                Speed::Max => {}
                Speed::Times(_) => {
                    let due = self.kernel.next_due().into_iter().chain(self.until).min();
                    if let Some(wall) = due.and_then(|due| self.pace.wall_of(due)) {
                        sooner(wall.max(self.last_tick + TICK));
                    }
                }
            }
            if self.is_fading() {
                sooner(self.looked.wall + FADE);
            }
        }
        at.map_or(Next::Never, Next::At)
    }

    fn next_look(&self) -> Instant {
        self.looked.wall + LOOK.max(self.looked.cost * LOOK_SHARE)
    }

    /// Whether rates are shown that are no longer true once more time has passed without anything happening.
    fn is_fading(&self) -> bool {
        self.figures.is_moving() && matches!(self.pace.speed(), Speed::Times(_)) && !self.pace.stands()
    }

    // ---- commands -------------------------------------------------------------------------------------------------

    fn take(&mut self, command: Command) {
        self.is_news = true;
        // What is due by now comes before what is asked now.
        if !self.pace.stands() && self.pace.speed() != Speed::Max {
            self.advance();
        }
        if self.state == RunState::Ended {
            return;
        }
        match command {
            Command::Inject(what) => self.inject(what),
            Command::RunsEarlierDrawing(is_so) => self.runs_earlier_drawing = is_so,
            Command::Pause => self.set_stands(true),
            Command::Resume => self.set_stands(false),
            Command::Step(step) => self.step(step),
            Command::SetSpeed(speed) => self.pace.set_speed(speed, self.kernel.now()),
            Command::Stop(StopMode::Abort) => self.end("stopped"),
            Command::Stop(StopMode::Drain) => self.drain(),
            Command::Expect(flow) => self.expect(&flow),
            Command::Watch(nodes) => self.watched = nodes,
            Command::Queue(node, slot) => {
                let events = ask::queue(&self.kernel, &node);
                slot.store(Arc::new(Answer::Ready(Arc::new(events))));
            }
        }
    }

    fn expect(&mut self, flow: &Flow) {
        self.figures.expect(flow);
        if self.figures.needs_data() {
            self.kernel.keep_all_data();
        }
    }

    /// Something happened outside: it comes in where the run is by now. `None` is an adapter that has caught up.
    fn let_in(&mut self, incoming: Option<Incoming>) {
        let Some(incoming) = incoming else { return };
        // What is due by now comes before what comes in now.
        if !self.pace.stands() && self.pace.speed() != Speed::Max {
            self.advance();
        }
        if self.state.is_alive() {
            self.inject(Injected::Outside(incoming));
        }
    }

    /// Whether an adapter is behind: the run stands until it has caught up, so that nothing piles up.
    fn is_congested(&self) -> bool {
        self.bridge.as_ref().is_some_and(Bridge::is_congested)
    }

    fn set_stands(&mut self, stands: bool) {
        self.pace.set_stands(stands, self.kernel.now());
        self.behind = SimDuration::ZERO;
        if self.state != RunState::Draining {
            self.state = if stands { RunState::Paused } else { RunState::Running };
        }
    }

    fn step(&mut self, step: Step) {
        if !self.pace.stands() {
            self.set_stands(true);
        }
        let Some(due) = self.kernel.next_due() else { return };
        self.last = Stopped::Budget;
        if self.until.is_some_and(|until| due > until) {
            return;
        }
        match step {
            Step::Record => self.run_kernel(due, 1),
            Step::Instant => {
                self.run_kernel(due, BATCH);
                while self.last == Stopped::Budget {
                    self.run_kernel(due, BATCH);
                }
            }
        }
        self.pace.set_stands(true, self.kernel.now());
    }

    fn drain(&mut self) {
        if self.state == RunState::Draining {
            return;
        }
        self.inject(Injected::Drain);
        let limit = self.kernel.now() + DRAIN_LIMIT;
        self.until = Some(self.until.map_or(limit, |until| until.min(limit)));
        self.set_stands(false);
        self.state = RunState::Draining;
    }

    fn inject(&mut self, what: Injected) {
        let Some(input) = what.input(self.kernel.plan()) else { return };
        let revision = if let Injected::Edit(revision) = &what { Some(revision.clone()) } else { None };
        if !self.shared.past.note(&self.kernel, what) {
            self.end("the journal is full: more could not be run again");
            return;
        }
        self.kernel.inject(input);
        if let Some(revision) = revision {
            self.figures.follow(&revision.plan);
            self.expect(&revision.flow);
        }
        // What comes in is seen at once, even while time stands: the instant itself is carried out.
        if self.pace.stands() {
            return;
        }
        // Stuck or not will be seen anew.
        self.ended_because = None;
        self.last = Stopped::Budget;
    }

    // ---- looks ----------------------------------------------------------------------------------------------------

    /// Takes a look and shows it.
    fn look(&mut self) {
        let began = wall_now();
        let passed = began.saturating_duration_since(self.looked.wall).as_secs_f64();
        if passed > 0.0 {
            let gone = self.kernel.now().since(self.looked.at).as_nanos() as f64;
            // Half the old, half the new: steady enough to carry a playhead on.
            self.measured = f64::midpoint(self.measured, gone / passed);
        }
        self.revision += 1;
        let seen = self
            .pace
            .virtual_of(SEEN)
            .unwrap_or_else(|| SimDuration::from_nanos((self.measured * SEEN.as_secs_f64()) as u64));
        let mut view = LiveView {
            revision: self.revision,
            state: self.state,
            now: self.kernel.now(),
            speed: self.pace.speed(),
            seed: self.seed,
            behind: self.behind,
            is_quiet: self.is_quiet(),
            ended_because: self.ended_because.clone(),
            runs_earlier_drawing: self.runs_earlier_drawing,
            ..LiveView::default()
        };
        {
            // The reader fetches in microseconds; if that is right now, the rows go with the next look.
            let mut log = self.shared.log.try_lock();
            self.figures.hand_over_log(log.as_deref_mut().ok());
        }
        self.figures.fill(&mut view, &self.kernel, seen, &self.watched);
        let speed = match (self.state, self.pace.stands(), self.pace.speed()) {
            (RunState::Ended | RunState::Idle | RunState::Paused, _, _) | (_, true, _) | (_, _, Speed::Max) => 0.0,
            (_, false, Speed::Times(_)) if !self.behind.is_zero() => self.measured,
            (_, false, Speed::Times(factor)) => factor.thousandths() as f64 * 1e6,
        };
        self.shared.shown.store(Arc::new(Shown { view: Arc::new(view), taken: began, speed }));
        self.is_news = false;
        let done = wall_now();
        self.looked = Looked { wall: done, at: self.kernel.now(), cost: done.saturating_duration_since(began) };
        self.shared.wake();
    }
}

/// Says so if the driver breaks down: a run that nobody drives any more must not look alive.
async fn watch_over(driver: JoinHandle<()>, shared: Arc<Shared>) {
    if driver.await.is_err() {
        let shown = shared.shown.load_full();
        let view = LiveView {
            revision: shown.view.revision + 1,
            state: RunState::Ended,
            ended_because: Some(
                "this is a mistake in Eventloom: the run broke down. Nothing of the drawing is lost".to_owned(),
            ),
            ..LiveView::clone(&shown.view)
        };
        shared.shown.store(Arc::new(Shown { view: Arc::new(view), taken: shown.taken, speed: 0.0 }));
        shared.wake();
    }
}

/// What comes in from outside; where nobody is, nothing ever does.
async fn receive(bridge: &mut Option<Bridge>) -> Option<Incoming> {
    match bridge {
        Some(bridge) => bridge.receive().await,
        None => std::future::pending().await,
    }
}

async fn until(next: Next) {
    match next {
        // Gives the other tasks of the runtime their turn.
        Next::Now => tokio::task::yield_now().await,
        Next::At(instant) => tokio::time::sleep_until(instant).await,
        Next::Never => std::future::pending().await,
    }
}
