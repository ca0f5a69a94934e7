//! What hands do to a run: press buttons, edit the flow, break and heal.

use eventloom::model::{Chance, FaultTarget, Flow, KindTag, Link, LinkId, LinkKind, Node, NodeId, NodeKind, Point};

use super::flow::{add_link, kind, subscription};
use super::random_flow::{Act, suits};
use super::run::Run;

/// Does to a run what a case says. What nothing suits any more is left out.
pub(crate) fn carry_out(run: &mut Run, begin: &Flow, act: &Act) {
    let of_kind = |fits: &dyn Fn(KindTag) -> bool| -> Vec<NodeId> {
        let nodes = run.flow.nodes().iter();
        nodes.filter(|(_, node)| fits(node.kind.tag())).map(|(id, _)| id.clone()).collect()
    };
    match act {
        Act::Fire { node, count, key } => {
            let nodes = of_kind(&KindTag::publishes);
            if !nodes.is_empty() {
                run.fire_with(nodes[node.index(nodes.len())].as_str(), *count, *key, None);
            }
        }
        Act::RemoveNode(node) => {
            let nodes = of_kind(&|_| true);
            if nodes.len() > 1 {
                let id = nodes[node.index(nodes.len())].clone();
                run.edit(|flow| flow.remove_node(&id).expect("a node that is drawn"));
            }
        }
        Act::RemoveLink(link) => {
            let links: Vec<LinkId> = run.flow.links().keys().cloned().collect();
            if !links.is_empty() {
                let id = links[link.index(links.len())].clone();
                run.edit(|flow| flow.remove_link(&id).expect("a link that is drawn"));
            }
        }
        Act::Restore => run.become_flow(begin.clone()),
        Act::AddConsumer { bus, settings } => {
            let buses = of_kind(&|tag| tag == KindTag::Bus);
            if !buses.is_empty() {
                let bus = buses[bus.index(buses.len())].clone();
                run.edit(|flow| {
                    let id = flow.free_node_id("extra");
                    let node = kind(r#"Consumer(takes: Exponential(mean: "5ms"), fails: 0.1)"#);
                    flow.add_node(id.clone(), Node::new(Point(0, 0), node)).expect("a new id");
                    add_link(flow, bus.as_str(), &format!("{id} 1ms {settings}"));
                });
            }
        }
        Act::SetFails { node, fails } => {
            let nodes = of_kind(&KindTag::subscribes);
            if !nodes.is_empty() {
                let id = nodes[node.index(nodes.len())].clone();
                let chance = Chance::new(*fails).expect("a chance");
                run.edit(|flow| {
                    let mut node = flow.node(&id).expect("a node that is drawn").clone();
                    match &mut node.kind {
                        NodeKind::Consumer(consumer) => consumer.fails = chance,
                        NodeKind::Service(service) => service.handlers.iter_mut().for_each(|one| one.fails = chance),
                        NodeKind::Function(function) => function.handlers.iter_mut().for_each(|one| one.fails = chance),
                        _ => {}
                    }
                    flow.set_node(&id, node).expect("a setting");
                });
            }
        }
        Act::Break { kind, node, link, millis } => {
            let fault = super::flows::fault(&run.flow, *kind, *node, *link, *millis);
            if let Some(fault) = fault.filter(|fault| suits(&run.flow, fault))
                && run.plan().aim(&fault.on).is_some()
            {
                run.break_it(&fault.on, fault.kind, fault.lasts);
            }
        }
        Act::Heal(node) => {
            let nodes = of_kind(&|_| true);
            let on = FaultTarget::Node(nodes[node.index(nodes.len())].clone());
            if run.plan().aim(&on).is_some() {
                run.heal(&on);
            }
        }
        Act::Seek { link, to, by_edit } => {
            let subscribes = |(_, link): &(&LinkId, &Link)| link.subscription().is_some();
            let links: Vec<LinkId> = run.flow.links().iter().filter(subscribes).map(|(id, _)| id.clone()).collect();
            if links.is_empty() {
                return;
            }
            let id = links[link.index(links.len())].clone();
            if *by_edit {
                run.edit(|flow| {
                    let mut link = flow.link(&id).expect("a link that is drawn").clone();
                    if let LinkKind::Subscribe(subscription) = &mut link.kind {
                        subscription.from = *to;
                    }
                    flow.set_link(&id, link).expect("a setting");
                });
            } else if let Some(sub) = run.plan().link_ix(&id).and_then(|link| run.plan().sub_of_link(link)) {
                let label = run.plan().sub_label(sub).to_owned();
                run.seek(&label, *to);
            }
        }
        Act::Drain => run.drain(),
        Act::Undo => run.undo(),
        Act::SetSubscription { link, settings } => {
            let subscribes = |(_, link): &(&LinkId, &Link)| link.subscription().is_some();
            let links: Vec<LinkId> = run.flow.links().iter().filter(subscribes).map(|(id, _)| id.clone()).collect();
            if !links.is_empty() {
                let id = links[link.index(links.len())].clone();
                let mut settings = subscription(settings);
                let is_drawn = |queue: &NodeId| run.flow.node(queue).is_some();
                settings.dead_letters = settings.dead_letters.filter(is_drawn);
                run.edit(|flow| {
                    let link = flow.link(&id).expect("a link that is drawn").clone();
                    // Another place to begin at would be a seek.
                    settings.from = link.subscription().expect("it subscribes").from;
                    let kind = LinkKind::Subscribe(settings);
                    flow.set_link(&id, Link { kind, ..link }).expect("a setting");
                });
            }
        }
        Act::SetAtOnce { node, at_once } => {
            let nodes = of_kind(&KindTag::subscribes);
            if !nodes.is_empty() {
                let id = nodes[node.index(nodes.len())].clone();
                run.edit(|flow| {
                    let mut node = flow.node(&id).expect("a node that is drawn").clone();
                    match &mut node.kind {
                        NodeKind::Consumer(consumer) => consumer.concurrency = *at_once,
                        NodeKind::Service(service) => service.concurrency = *at_once,
                        NodeKind::Function(function) => function.instances = (*at_once).max(function.provisioned),
                        _ => {}
                    }
                    flow.set_node(&id, node).expect("a setting");
                });
            }
        }
        Act::AddLink { from, to } => {
            let nodes = of_kind(&|_| true);
            let (from, to) = (&nodes[from.index(nodes.len())], &nodes[to.index(nodes.len())]);
            // To each bus once: records do not tell two obligations of one publish by two links apart.
            let is_drawn = run.flow.links().values().any(|link| (&link.from, &link.to) == (from, to));
            if !is_drawn && let Ok(Some(_)) = run.flow.possible_link(from, to) {
                run.edit(|flow| add_link(flow, from.as_str(), &format!("{to} 1ms ()")));
            }
        }
    }
}
