"""A stand-in for pydot that keeps what is drawn."""


class Dot:
    def __init__(self, name, graph_type, rankdir):
        self.start = [name, graph_type, rankdir]
        self.nodes, self.edges = [], []

    def add_node(self, node):
        self.nodes.append(node.shown)

    def add_edge(self, edge):
        self.edges.append(edge.shown)


class Node:
    def __init__(self, name, **style):
        self.shown = [name, sorted(style.items())]


class Edge:
    def __init__(self, src, dst, label):
        self.shown = [src.shown[0], dst.shown[0], label]
