//! Runs long enough to be held against queueing theory: means within 4 sigma of their closed form, where 4 sigma are less
//! than 2 % of it. The figures are those of the design's table of closed forms; service takes a millisecond on average.
//!
//! All is read from records alone: time averages by folding arrivals and departures, waits from what the records say. A
//! run's seed is pinned, so a test that passes keeps passing; sigma comes from the means of 40 batches. On each run, besides:
//! Little's law, utilisation, and the conservation of flow.

use std::sync::Arc;

use eventloom::kernel::Kernel;
use eventloom::model::{NodeIx, SimDuration, SimTime};
use eventloom::plan::{Inputs, Plan, compile};
use eventloom::trace::{Observer, Reason, Record, What};

use crate::support::flow::{flow, node_id};

const BATCHES: usize = 40;

/// Mean service time: the unit of the closed forms.
const UNIT_NANOS: f64 = 1e6;

/// What has been seen at one node in one batch, times in units of the mean service time.
#[derive(Clone, Copy, Debug, Default)]
struct Batch {
    arrived: f64,
    refused: f64,
    started: f64,
    left: f64,
    waited: f64,
    stayed: f64,
    /// Time integral of the number at the node, waiting or handled.
    present_area: f64,
    busy_area: f64,
}

/// One station of a queueing network.
#[derive(Clone, Debug)]
struct Station {
    node: NodeIx,
    since: SimTime,
    present: f64,
    busy: f64,
    batches: Vec<Batch>,
}

impl Station {
    fn new(node: NodeIx) -> Self {
        let batches = vec![Batch::default(); BATCHES + 1];
        Self { node, since: SimTime::ZERO, present: 0.0, busy: 0.0, batches }
    }

    /// Carries both integrals on to this moment.
    fn advance(&mut self, at: SimTime, batch: usize) {
        let span = at.since(self.since).as_nanos() as f64 / UNIT_NANOS;
        self.since = at;
        self.batches[batch].present_area += self.present * span;
        self.batches[batch].busy_area += self.busy * span;
    }
}

/// Watches some nodes. Batch 0 is the warm-up, and is thrown away.
struct Watch {
    stations: Vec<Station>,
    /// By node handle.
    station_of: Vec<Option<usize>>,
    /// By subscription handle: whose queue it is.
    station_of_sub: Vec<Option<usize>>,
    batch: usize,
}

impl Watch {
    fn new(plan: &Plan, ids: &[&str]) -> Self {
        let stations: Vec<Station> =
            ids.iter().map(|id| Station::new(plan.node_ix(&node_id(id)).expect("a node"))).collect();
        let mut station_of = vec![None; plan.node_count()];
        for (ix, station) in stations.iter().enumerate() {
            station_of[station.node.index()] = Some(ix);
        }
        let of_sub = |sub| {
            let member = plan.sub_members(sub).next();
            member.and_then(|(node, _)| station_of[node.index()])
        };
        let station_of_sub = (0..plan.sub_count()).map(|ix| of_sub(eventloom::model::SubIx(ix as u32))).collect();
        Self { stations, station_of, station_of_sub, batch: 0 }
    }

    fn advance(&mut self, at: SimTime) {
        for station in &mut self.stations {
            station.advance(at, self.batch);
        }
    }
}

impl Observer for Watch {
    fn record(&mut self, record: Record<'_>) {
        match record.what {
            What::Opened { sub, .. } => {
                if let Some(ix) = self.station_of_sub[sub.index()] {
                    let station = &mut self.stations[ix];
                    station.advance(record.at, self.batch);
                    station.present += 1.0;
                    station.batches[self.batch].arrived += 1.0;
                }
            }
            What::Dropped { sub, reason: Reason::MaxLength, .. } => {
                if let Some(ix) = self.station_of_sub[sub.index()] {
                    let station = &mut self.stations[ix];
                    station.advance(record.at, self.batch);
                    station.present -= 1.0;
                    station.batches[self.batch].refused += 1.0;
                }
            }
            What::Started { node, wait, .. } => {
                if let Some(ix) = self.station_of[node.index()] {
                    let station = &mut self.stations[ix];
                    station.advance(record.at, self.batch);
                    station.busy += 1.0;
                    station.batches[self.batch].started += 1.0;
                    let waited = wait.as_nanos() as f64 / UNIT_NANOS;
                    station.batches[self.batch].waited += waited;
                    station.batches[self.batch].stayed += waited;
                }
            }
            What::Handled { node, service, .. } => {
                if let Some(ix) = self.station_of[node.index()] {
                    let station = &mut self.stations[ix];
                    station.advance(record.at, self.batch);
                    station.busy -= 1.0;
                    station.present -= 1.0;
                    station.batches[self.batch].left += 1.0;
                    station.batches[self.batch].stayed += service.as_nanos() as f64 / UNIT_NANOS;
                }
            }
            _ => {}
        }
    }
}

/// A mean over batches, and the standard error of it.
#[derive(Clone, Copy, Debug)]
struct Mean {
    mean: f64,
    sigma: f64,
}

fn mean(values: &[f64]) -> Mean {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Mean { mean, sigma: (spread / count).sqrt() }
}

/// What a run showed of one station.
struct Seen {
    id: &'static str,
    batches: Vec<Batch>,
    /// Length of a batch in units of the mean service time.
    span: f64,
    /// How many events it may have at hand at the end of a batch and of the one before.
    servers: f64,
}

impl Seen {
    fn each(&self, figure: impl Fn(&Batch) -> f64) -> Mean {
        let values: Vec<f64> = self.batches.iter().map(figure).collect();
        mean(&values)
    }

    /// Holds a figure against its closed form.
    #[track_caller]
    fn is(&self, name: &str, figure: impl Fn(&Batch) -> f64, expected: f64) {
        let Mean { mean, sigma } = self.each(figure);
        let id = self.id;
        assert!(4.0 * sigma <= 0.02 * expected, "{id} {name}: {mean} +- {sigma} is too vague for {expected}");
        let off = (mean - expected).abs();
        assert!(off <= 4.0 * sigma, "{id} {name}: {mean} is {:.1} sigma from {expected}", off / sigma);
    }

    #[track_caller]
    fn wait(&self, expected: f64) {
        self.is("Wq", |batch| batch.waited / batch.started, expected);
    }

    #[track_caller]
    fn stay(&self, expected: f64) {
        self.is("W", |batch| batch.stayed / batch.started, expected);
    }

    #[track_caller]
    fn present(&self, expected: f64) {
        let span = self.span;
        self.is("L", |batch| batch.present_area / span, expected);
    }

    #[track_caller]
    fn busy(&self, expected: f64) {
        let (span, servers) = (self.span, self.servers);
        self.is("utilisation", |batch| batch.busy_area / span / servers, expected);
    }

    #[track_caller]
    fn rate(&self, expected: f64) {
        let span = self.span;
        self.is("throughput", |batch| batch.left / span, expected);
    }

    /// Little's law, utilisation and flow, whatever the closed form is: exact but for the edges of the run.
    #[track_caller]
    fn laws(&self) {
        let sum = |figure: fn(&Batch) -> f64| self.batches.iter().map(figure).sum::<f64>();
        let (arrived, refused, left) = (sum(|b| b.arrived), sum(|b| b.refused), sum(|b| b.left));
        let time = self.span * self.batches.len() as f64;
        let id = self.id;
        // Those at hand at the two edges are some thousands at most, of a million.
        let flow = (arrived - refused - left).abs() / left;
        assert!(flow < 2e-3, "{id}: {arrived} arrived, {refused} refused, {left} left");
        let little = sum(|b| b.stayed) / sum(|b| b.present_area);
        assert!((little - 1.0).abs() < 2e-3, "{id}: Little's law is off by {little}");
        let busy = sum(|b| b.busy_area) / time;
        let work = sum(|b| b.stayed - b.waited) / time;
        assert!((busy / work - 1.0).abs() < 2e-3, "{id}: {busy} busy, {work} of work");
    }
}

/// Runs a flow for so many jobs a batch at this rate, after a warm-up of one batch, and reports its stations.
#[track_caller]
fn run<const N: usize>(rows: &str, seed: u64, stations: [(&'static str, u32); N], batch_units: f64) -> [Seen; N] {
    let flow = flow(rows);
    let plan = Arc::new(compile(&flow, &Inputs::default(), None).expect("a flow that compiles"));
    let mut watch = Watch::new(&plan, &stations.map(|(id, _)| id));
    let mut kernel = Kernel::new(Arc::clone(&plan), seed);
    let span = SimDuration::from_nanos((batch_units * UNIT_NANOS) as u64);
    for batch in 0..=BATCHES {
        watch.batch = batch;
        let end = SimTime::ZERO + span.saturating_mul(batch as u64 + 1);
        while kernel.run_until(end, u32::MAX, &mut watch) == eventloom::kernel::Stopped::Budget {}
        watch.advance(end);
    }
    let mut seen = watch.stations.into_iter().map(|station| station.batches[1..].to_vec());
    stations.map(|(id, servers)| {
        let batches = seen.next().expect("one a station");
        Seen { id, batches, span: batch_units, servers: f64::from(servers) }
    })
}

/// A Poisson source into a bus, and one consumer behind it.
fn single(lambda: f64, takes: &str, servers: u32, more: &str) -> String {
    let rate = format!("{:.3}", lambda * 1_000.0);
    format!(
        r#"p = Producer(emits: "job", rate: Poisson("{rate}/s"))
           bus = Bus
           c = Consumer(takes: {takes}, concurrency: {servers})
           p -> bus
           bus -> c (max_in_flight: 1000000, queue: (records: 1000000, bytes: "1 GiB"), ack_wait: "1h" {more})"#
    )
}

const EXPONENTIAL: &str = r#"Exponential(mean: "1ms")"#;

/// So many jobs that 4 sigma of the waits are within 2 %, with room for an unlucky spread: waits need more than stays,
/// for which the table has figures.
fn batch_units(jobs: f64, lambda: f64) -> f64 {
    1.3 * jobs / BATCHES as f64 / lambda
}

fn mm1(rho: f64, jobs: f64, present: f64, wait: f64) {
    let [c] = run(&single(rho, EXPONENTIAL, 1, ""), 11, [("c", 1)], batch_units(jobs, rho));
    c.laws();
    c.wait(wait);
    c.stay(wait + 1.0);
    c.present(present);
    c.busy(rho);
    c.rate(rho);
}

#[test]
fn mm1_at_30_percent() {
    mm1(0.3, 1.5e6, 0.428_571, 0.428_571);
}

#[test]
fn mm1_at_50_percent() {
    mm1(0.5, 1.6e6, 1.0, 1.0);
}

#[test]
fn mm1_at_70_percent() {
    mm1(0.7, 3.0e6, 2.333_333, 2.333_333);
}

#[test]
fn mm1_at_80_percent() {
    mm1(0.8, 5.0e6, 4.0, 4.0);
}

fn mmc(servers: u32, rho: f64, jobs: f64, present: f64, wait: f64) {
    let lambda = f64::from(servers) * rho;
    let [c] = run(&single(lambda, EXPONENTIAL, servers, ""), 12, [("c", servers)], batch_units(jobs, lambda));
    c.laws();
    c.wait(wait);
    c.stay(wait + 1.0);
    c.present(present);
    c.busy(rho);
}

#[test]
fn mmc_with_2_servers() {
    mmc(2, 0.5, 1.6e6, 1.333_333, 0.333_333);
    mmc(2, 0.8, 4.5e6, 4.444_444, 1.777_778);
}

#[test]
fn mmc_with_4_servers() {
    mmc(4, 0.8, 7.0e6, 5.585_730, 0.745_541);
}

#[test]
fn mmc_as_two_members_of_a_group() {
    // Any member takes the next record, one at a time: two single servers with one queue are M/M/2.
    let rows = r#"p = Producer(emits: "job", rate: Poisson("1000/s"))
                  bus = Bus
                  c = Consumer(takes: Exponential(mean: "1ms"))
                  d = Consumer(takes: Exponential(mean: "1ms"))
                  p -> bus
                  bus -> c (group: "g", prefetch: 1, queue: (records: 1000000, bytes: "1 GiB"))
                  bus -> d (group: "g", prefetch: 1, queue: (records: 1000000, bytes: "1 GiB"))"#;
    let [c, d] = run(rows, 13, [("c", 1), ("d", 1)], batch_units(1.0e6, 1.0));
    let both = |figure: fn(&Batch) -> f64| {
        let values = c.batches.iter().zip(&d.batches).map(|(c, d)| figure(c) + figure(d));
        values.collect::<Vec<f64>>()
    };
    let waits: Vec<f64> = both(|b| b.waited).iter().zip(both(|b| b.started)).map(|(w, n)| w / n).collect();
    let Mean { mean, sigma } = mean(&waits);
    assert!(4.0 * sigma <= 0.02 / 3.0 && (mean - 1.0 / 3.0).abs() <= 4.0 * sigma, "Wq {mean} +- {sigma}");
}

/// M/G/1 by Pollaczek and Khinchine: the waits of service times with this variation.
fn mg1(takes: &str, rho: f64, jobs: f64, wait: f64) {
    let [c] = run(&single(rho, takes, 1, ""), 14, [("c", 1)], batch_units(jobs, rho));
    c.laws();
    c.wait(wait);
    c.stay(wait + 1.0);
    c.present(rho * (wait + 1.0));
    c.busy(rho);
}

#[test]
fn md1() {
    mg1(r#"Fixed("1ms")"#, 0.5, 3.0e5, 0.5);
    mg1(r#"Fixed("1ms")"#, 0.8, 2.0e6, 2.0);
}

#[test]
fn mg1_with_uniform_and_erlang_service() {
    mg1(r#"Uniform(min: "0s", max: "2ms")"#, 0.5, 4.0e5, 0.666_667);
    mg1(r#"Erlang(mean: "1ms", stages: 2)"#, 0.8, 4.0e6, 3.0);
}

/// M/M/1/K: one being handled, and room for K - 1.
fn mm1k(places: u32, rho: f64, jobs: f64, loss: f64, present: f64, stay: f64) {
    let queue = places - 1;
    let rows = format!(
        r#"p = Producer(emits: "job", rate: Poisson("{:.3}/s"))
           bus = Bus
           c = Consumer(takes: Exponential(mean: "1ms"))
           p -> bus
           bus -> c (prefetch: 1, queue: (records: {queue}, bytes: "1 GiB", when_full: DropNewest))"#,
        rho * 1_000.0
    );
    let [c] = run(&rows, 15, [("c", 1)], batch_units(jobs, rho));
    c.laws();
    c.is("loss", |batch| batch.refused / batch.arrived, loss);
    c.present(present);
    c.stay(stay);
    c.rate(rho * (1.0 - loss));
    c.busy(rho * (1.0 - loss));
}

#[test]
fn mm1k_loses_what_the_formula_says() {
    mm1k(5, 0.8, 1.5e6, 0.088_819, 1.868_332, 2.563_065);
    mm1k(5, 1.2, 6.0e5, 0.250_588, 3.021_172, 3.359_493);
    mm1k(10, 1.0, 2.0e6, 0.090_909, 5.0, 5.5);
}

#[test]
fn a_tandem_is_the_sum_of_its_stations() {
    // Burke: what leaves M/M/1 is Poisson again, so the second station is M/M/1 too.
    let rows = r#"event job (size: "1 B")
                  p = Producer(emits: "job", rate: Poisson("600/s"))
                  bus = Bus
                  a = Service(handlers: [(takes: Exponential(mean: "1ms"), emits: [(event: "next")])])
                  b = Service(handlers: [(takes: Exponential(mean: "1ms"))])
                  p -> bus
                  bus -> a (queue: (records: 1000000, bytes: "1 GiB"))
                  a -> b (queue: (records: 1000000, bytes: "1 GiB"))"#;
    let [a, b] = run(rows, 16, [("a", 1), ("b", 1)], batch_units(1.2e6, 0.6));
    for station in [&a, &b] {
        station.laws();
        station.wait(1.5);
        station.present(1.5);
        station.busy(0.6);
    }
}

#[test]
fn a_jackson_network_of_calls() {
    // A to B; B back to A 0.2, on to C 0.4, out 0.4; C back to B 0.3, out 0.7; half a job a unit of time into A.
    let rows = r#"hops 1000000
                  p = Producer(emits: "job", rate: Poisson("500/s"))
                  bus = Bus
                  a = Service(handlers: [(takes: Exponential(mean: "1ms"), emits: [(event: "to.b")])])
                  b = Service(handlers: [(takes: Exponential(mean: "0.8ms"), pick: One,
                      emits: [(event: "to.a", chance: 0.2), (event: "to.c", chance: 0.4)])])
                  c = Service(handlers: [(takes: Exponential(mean: "1.666667ms"), pick: One,
                      emits: [(event: "to.b", chance: 0.3)])])
                  p -> bus
                  bus -> a (queue: (records: 1000000, bytes: "1 GiB"))
                  a -> b (queue: (records: 1000000, bytes: "1 GiB"))
                  b -> a (events: ["to.a"], queue: (records: 1000000, bytes: "1 GiB"))
                  b -> c (events: ["to.c"], queue: (records: 1000000, bytes: "1 GiB"))
                  c -> b (events: ["to.b"], queue: (records: 1000000, bytes: "1 GiB"))"#;
    let [a, b, c] = run(rows, 17, [("a", 1), ("b", 1), ("c", 1)], batch_units(1.3e6, 0.5));
    for (station, lambda, rho, present, stay) in [
        (&a, 11.0 / 17.0, 0.647_059, 1.833_333, 2.833_333),
        (&b, 25.0 / 34.0, 0.588_235, 1.428_571, 1.942_857),
        (&c, 5.0 / 17.0, 0.490_196, 0.961_538, 3.269_231),
    ] {
        station.laws();
        station.rate(lambda);
        station.busy(rho);
        station.present(present);
        station.stay(stay);
    }
    let span = a.span;
    let total: Vec<f64> = (0..BATCHES)
        .map(|ix| [&a, &b, &c].iter().map(|station| station.batches[ix].present_area / span).sum())
        .collect();
    let Mean { mean, sigma } = mean(&total);
    assert!((mean - 4.223_443).abs() <= 4.0 * sigma && 4.0 * sigma <= 0.02 * mean, "L {mean} +- {sigma}");
}
