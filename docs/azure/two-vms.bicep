// Two VMs to measure between, as docs/azure.md describes them: `gen` sends, `ref` reflects. Each has a
// NIC for ssh, with a public address, and one for the test.
//
//   az deployment group create -g GROUP -f docs/azure/two-vms.bicep \
//       -p sshKey="$(cat ~/.ssh/id_ed25519.pub)" sshFrom=YOUR-ADDRESS

@description('Where they are.')
param location string = resourceGroup().location

@description('Their size; v6 and v7 sizes have MANA, of v5 sizes some.')
param size string = 'Standard_D16s_v5'

@description('Who logs in.')
param user string = 'me'

@description('The public key of who logs in.')
param sshKey string

@description('The address or prefix that ssh comes from.')
param sshFrom string

var names = [
  'gen'
  'ref'
]

// Keeps them close. The sizes make Azure look for a place that has them before the first one is there.
resource near 'Microsoft.Compute/proximityPlacementGroups@2024-07-01' = {
  name: 'near'
  location: location
  properties: {
    proximityPlacementGroupType: 'Standard'
    intent: {
      vmSizes: [
        size
      ]
    }
  }
}

resource ssh 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'ssh'
  location: location
  properties: {
    securityRules: [
      {
        name: 'ssh'
        properties: {
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: sshFrom
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '22'
        }
      }
    ]
  }
}

// The default rules let all through between the VMs. The way out is the public address.
resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'network'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.0.0.0/16'
      ]
    }
    subnets: [
      {
        name: 'mgmt'
        properties: {
          addressPrefix: '10.0.0.0/24'
          defaultOutboundAccess: false
          networkSecurityGroup: {
            id: ssh.id
          }
        }
      }
      {
        name: 'test'
        properties: {
          addressPrefix: '10.0.1.0/24'
          defaultOutboundAccess: false
        }
      }
    ]
  }
}

resource addresses 'Microsoft.Network/publicIPAddresses@2024-05-01' = [for name in names: {
  name: '${name}-ip'
  location: location
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}]

// D16s v5 wants accelerated networking on each NIC.
resource mgmtNics 'Microsoft.Network/networkInterfaces@2024-05-01' = [for (name, i) in names: {
  name: '${name}-mgmt'
  location: location
  properties: {
    enableAcceleratedNetworking: true
    ipConfigurations: [
      {
        name: 'ip'
        properties: {
          subnet: {
            id: network.properties.subnets[0].id
          }
          publicIPAddress: {
            id: addresses[i].id
          }
        }
      }
    ]
  }
}]

resource testNics 'Microsoft.Network/networkInterfaces@2024-05-01' = [for name in names: {
  name: '${name}-test'
  location: location
  properties: {
    enableAcceleratedNetworking: true
    ipConfigurations: [
      {
        name: 'ip'
        properties: {
          subnet: {
            id: network.properties.subnets[1].id
          }
        }
      }
    ]
  }
}]

resource vms 'Microsoft.Compute/virtualMachines@2024-07-01' = [for (name, i) in names: {
  name: name
  location: location
  properties: {
    hardwareProfile: {
      vmSize: size
    }
    proximityPlacementGroup: {
      id: near.id
    }
    storageProfile: {
      imageReference: {
        publisher: 'Debian'
        offer: 'debian-13'
        sku: '13-gen2'
        version: 'latest'
      }
      osDisk: {
        createOption: 'FromImage'
        deleteOption: 'Delete'
        managedDisk: {
          storageAccountType: 'Premium_LRS'
        }
      }
    }
    osProfile: {
      computerName: name
      adminUsername: user
      linuxConfiguration: {
        disablePasswordAuthentication: true
        ssh: {
          publicKeys: [
            {
              path: '/home/${user}/.ssh/authorized_keys'
              keyData: sshKey
            }
          ]
        }
      }
    }
    networkProfile: {
      networkInterfaces: [
        {
          id: mgmtNics[i].id
          properties: {
            primary: true
          }
        }
        {
          id: testNics[i].id
          properties: {
            primary: false
          }
        }
      ]
    }
  }
}]

output machines array = [for (name, i) in names: {
  name: name
  ssh: '${user}@${addresses[i].properties.ipAddress}'
  test: testNics[i].properties.ipConfigurations[0].properties.privateIPAddress
}]
