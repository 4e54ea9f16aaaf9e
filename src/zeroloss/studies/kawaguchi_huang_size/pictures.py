def phase(tables, experiment=''):
    return None

def phase_caption(tables, experiment=''):
    return None

def place(tables, experiment=''):
    return None

def place_caption(tables, experiment=''):
    return None

def residual(tables, experiment=''):
    return None

def residual_caption(tables, experiment=''):
    return None

def accuracy(tables, experiment=''):
    return None

def accuracy_caption(tables, experiment=''):
    return None

def losses(tables, experiment=''):
    return None

def losses_caption(tables, experiment=''):
    return None

def place_table(tables, experiment=''):
    return None

def budget_table(tables, experiment=''):
    return None

def cell_table(tables, experiment=''):
    return None

def rank_table(tables, experiment=''):
    return None

def descent_table(tables, experiment=''):
    return None

def accuracy_table(tables, experiment=''):
    return None
